import { buffer } from 'node:stream/consumers';
import { LapidaryError } from '../errors/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import { fetchBlobTo } from './blob-file.ts';
import { hasBlob, readBlob } from './blob-read.ts';
import { fetchManifest, hasManifest, MAX_MANIFEST_BYTES, putManifest, resolveManifest } from './manifests.ts';
import { checkTarget } from './names.ts';
import type { Places } from './places.ts';
import { checkPush, mountBlob, pushBlob } from './push-blob.ts';
import { pushStream } from './push-stream.ts';
import { listReferrers, pushReferrer, removeManifest } from './referrers.ts';
import { listTags } from './tags.ts';
import type {
  CallOptions,
  FetchedManifest,
  OpenSource,
  PushBlobOptions,
  PushOutcome,
  ReadOptions,
  ReferrerArtifact,
  Repository,
  TransferOptions,
} from './types.ts';

/** A repository of a registry, reached over HTTP. */
export class RemoteRepository implements Repository {
  readonly registry: string;
  readonly name: string;
  readonly #places: Places;

  constructor(named: { readonly registry: string; readonly repository: string }, places: Places) {
    this.registry = named.registry;
    this.name = named.repository;
    this.#places = places;
  }

  async resolve(target: string, options: CallOptions = {}): Promise<Descriptor> {
    return resolveManifest(this.#places, checkTarget(target), options);
  }

  async getManifest(target: string, options: CallOptions = {}): Promise<FetchedManifest> {
    return fetchManifest(this.#places, checkTarget(target), options);
  }

  hasManifest(digest: Digest, options: CallOptions = {}): Promise<boolean> {
    return hasManifest(this.#places, digest, options);
  }

  hasBlob(digest: Digest, options: CallOptions = {}): Promise<boolean> {
    return hasBlob(this.#places, digest, options);
  }

  openBlob(descriptor: Descriptor, options: ReadOptions = {}): AsyncIterable<Uint8Array> {
    return readBlob(this.#places, descriptor, options);
  }

  async readBlob(descriptor: Descriptor, options: CallOptions = {}): Promise<Uint8Array> {
    if (descriptor.size > MAX_MANIFEST_BYTES) {
      throw new LapidaryError(
        'MANIFEST_INVALID',
        `${descriptor.digest} has ${descriptor.size} bytes, more than 4 MiB`,
      );
    }
    return buffer(readBlob(this.#places, descriptor, options));
  }

  fetchBlobTo(descriptor: Descriptor, file: string, options: TransferOptions = {}): Promise<void> {
    return fetchBlobTo(descriptor, file, { ...options, places: this.#places });
  }

  async putManifest(
    { bytes, mediaType }: { readonly bytes: Uint8Array; readonly mediaType: string },
    target?: string,
    options: CallOptions = {},
  ): Promise<Descriptor> {
    if (target !== undefined) checkTarget(target);
    return (await putManifest(this.#places, { bytes, mediaType, target, ...options })).descriptor;
  }

  mountBlob(digest: Digest, fromRepository: string, options: CallOptions = {}): Promise<boolean> {
    return mountBlob(this.#places, digest, { ...options, from: fromRepository });
  }

  pushBlob(
    blob: Pick<Descriptor, 'digest' | 'size'>,
    source: OpenSource,
    options: PushBlobOptions = {},
  ): Promise<PushOutcome> {
    return pushBlob(this.#places, { blob, source }, options);
  }

  pushStream(
    source: () => AsyncIterable<Uint8Array>,
    options: TransferOptions = {},
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    return pushStream(this.#places.origin, source, options);
  }

  checkPush(options: CallOptions = {}): Promise<void> {
    return checkPush(this.#places, options);
  }

  listTags(options: CallOptions = {}): Promise<readonly string[]> {
    return listTags(this.#places, options);
  }

  referrers(
    subject: Digest,
    options: CallOptions & { readonly artifactType?: string } = {},
  ): Promise<readonly Descriptor[]> {
    return listReferrers(this.#places, subject, options);
  }

  pushReferrer(artifact: ReferrerArtifact, options: CallOptions = {}): Promise<Descriptor> {
    return pushReferrer(this.#places, artifact, options);
  }

  async deleteManifest(target: string, options: CallOptions = {}): Promise<void> {
    return removeManifest(this.#places, checkTarget(target), options);
  }
}

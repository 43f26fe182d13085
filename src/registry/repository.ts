import { buffer } from 'node:stream/consumers';
import { LapidaryError } from '../errors/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import { fetchBlobTo } from './blob-file.ts';
import { hasBlob, readBlob } from './blob-read.ts';
import {
  deleteManifest,
  fetchManifest,
  MAX_MANIFEST_BYTES,
  putManifest,
  resolveManifest,
} from './manifests.ts';
import type { Places } from './places.ts';
import type { CallOptions, FetchedManifest, Repository, TransferOptions } from './types.ts';

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

  resolve(target: string, options: CallOptions = {}): Promise<Descriptor> {
    return resolveManifest(this.#places, target, options);
  }

  getManifest(target: string, options: CallOptions = {}): Promise<FetchedManifest> {
    return fetchManifest(this.#places, target, options);
  }

  hasBlob(digest: Digest, options: CallOptions = {}): Promise<boolean> {
    return hasBlob(this.#places, digest, options);
  }

  openBlob(descriptor: Descriptor, options: CallOptions = {}): AsyncIterable<Uint8Array> {
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
    return (await putManifest(this.#places, { bytes, mediaType, target, ...options })).descriptor;
  }

  deleteManifest(digest: Digest, options: CallOptions = {}): Promise<void> {
    return deleteManifest(this.#places, digest, options);
  }
}

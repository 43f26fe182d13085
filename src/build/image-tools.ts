import { LapidaryError, quoted } from '../errors/index.ts';
import type { LayerCompression } from '../export/index.ts';
import {
  type Descriptor,
  type Digest,
  hostPlatform,
  type ImageConfig,
  type Platform,
  parseImageConfig,
  parseReference,
} from '../oci/index.ts';
import type { StoredImage } from '../solve/index.ts';
import type { AnnotateIndexRequest } from './annotate-index.ts';
import {
  type CopyRequest,
  copyImage,
  type FindStored,
  type ImagePlace,
  openCopySource,
} from './copy-image.ts';
import { planCopy } from './copy-plan.ts';
import type { CreateIndexRequest } from './create-index.ts';
import type { ImageDiff, ImageSize, SizeOptions } from './measure-image.ts';
import type { Merged, MergeRequest } from './merge-layouts.ts';
import { checkOutputs, writeOutputs } from './outputs.ts';
import { type PulledImage, pullImage } from './pull-image.ts';
import type { RemoteAccess } from './remote-access.ts';
import { storedImage } from './remote-image.ts';
import { removeManifest } from './remove-manifest.ts';
import type { Slimmed, SlimRequest } from './slim-image.ts';

export type PushImageRequest = LayerCompression & {
  readonly image: string;
  /** References; none means the name of the image itself. */
  readonly destinations: readonly string[];
  /** Default: all that the name stands for, as one index. */
  readonly platform?: Platform | undefined;
};
export type PushedImage = {
  /** Normalised references. */
  readonly pushed: readonly string[];
  /** Of the index, or of the only manifest. */
  readonly digest: Digest;
};
/** A manifest or index as it is stored. */
export type RawManifest = { readonly descriptor: Descriptor; readonly bytes: Uint8Array };
export type RemoteInspected = RawManifest & { readonly image: StoredImage; readonly config: ImageConfig };

/** What can be done with images in registries, layouts and archives. Get one from `Lapidary.tools`, and dispose it. */
export class ImageTools implements AsyncDisposable {
  readonly #remote: RemoteAccess;
  readonly #find: FindStored;

  constructor(remote: RemoteAccess, find: FindStored) {
    this.#remote = remote;
    this.#find = find;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#remote[Symbol.asyncDispose]();
  }

  /**
   * Fetches an image of a registry with all its layers, unpacked, and tags it.
   * @throws LapidaryError IMAGE_NOT_FOUND; RegistryError
   */
  pull(reference: string, platform: Platform = hostPlatform(process.arch, 'linux')): Promise<PulledImage> {
    return pullImage({ reference, platform }, this.#remote);
  }

  /** Pushes what a name of the local store names, under that name or others. */
  async push({
    image: name,
    destinations,
    platform,
    ...compression
  }: PushImageRequest): Promise<PushedImage> {
    const { images, tagged } = await this.#find(name, platform);
    const tags = tagged === undefined ? [] : [tagged.reference];
    const output = { type: 'registry', names: destinations, ...compression } as const;
    const job = { images, references: tags, outputs: [output] };
    checkOutputs(job.outputs, tags);
    const { descriptor, pushed } = await writeOutputs(job, { remote: this.#remote, stdout: undefined });
    if (descriptor === undefined) throw new Error('a push that has pushed nothing');
    return { pushed, digest: descriptor.digest };
  }

  /** Copies an image from anywhere to anywhere as it is; see `parseImagePlace`. */
  copy(request: CopyRequest): Promise<Digest> {
    return copyImage(request, { remote: this.#remote, find: this.#find });
  }

  /** Puts an index together and writes it with all that it names; see `CreateIndexRequest`. */
  async createIndex(request: CreateIndexRequest): Promise<RawManifest> {
    const { createIndex } = await import('./create-index.ts');
    return createIndex(request, { remote: this.#remote, find: this.#find });
  }

  /** Changes annotations and platforms of an index; see `AnnotateIndexRequest`. */
  async annotateIndex(request: AnnotateIndexRequest): Promise<RawManifest> {
    const { annotateIndex } = await import('./annotate-index.ts');
    return annotateIndex(request, { remote: this.#remote, find: this.#find });
  }

  /** Joins layouts that several machines have written; see `MergeRequest`. */
  async merge(request: MergeRequest, stdout?: NodeJS.WritableStream): Promise<Merged> {
    const { mergeLayouts } = await import('./merge-layouts.ts');
    return mergeLayouts(request, this.#remote, stdout);
  }

  /** What a name stands for, byte by byte; for one platform its manifest. No layer is read. */
  async raw(place: ImagePlace, platform?: Platform): Promise<RawManifest> {
    const source = await openCopySource(place, { remote: this.#remote, find: this.#find });
    if (platform === undefined) return { descriptor: source.root, bytes: await source.document(source.root) };
    return (await planCopy(source, platform)).root;
  }

  /** Manifest and configuration of an image, for one platform. No layer is read. */
  async inspect(
    place: ImagePlace,
    platform: Platform = hostPlatform(process.arch, 'linux'),
  ): Promise<RemoteInspected> {
    const { store } = this.#remote;
    const source = await openCopySource(place, { remote: this.#remote, find: this.#find });
    const { root } = await planCopy(source, platform);
    const [config] = root.blobs;
    if (config === undefined) throw new Error('a manifest without a configuration');
    await source.document(config);
    const image = await storedImage(root.descriptor, { store, name: source.name });
    return { ...root, image, config: parseImageConfig(await store.blobs.readBytes(image.id)) };
  }

  /** Where the bytes of an image are, its directories down to a depth. All its layers are read. */
  async size(place: ImagePlace, options: SizeOptions): Promise<ImageSize> {
    const { measureImage } = await import('./measure-image.ts');
    return measureImage(place, options, { remote: this.#remote, find: this.#find });
  }

  /** What is not the same in two images. All their layers are read. */
  async diff(before: ImagePlace, after: ImagePlace, platform?: Platform): Promise<ImageDiff> {
    const { compareImages } = await import('./measure-image.ts');
    return compareImages({ before, after, platform }, { remote: this.#remote, find: this.#find });
  }

  /** Makes an image of nothing but what another one needs to be started; see `SlimRequest`. */
  async slim(request: SlimRequest): Promise<Slimmed> {
    const { slimImage } = await import('./slim-image.ts');
    return slimImage(request, { remote: this.#remote, find: this.#find });
  }

  /** All tags of a repository, as its registry orders them. */
  async tags(repository: string): Promise<readonly string[]> {
    const reference = parseReference(repository);
    if (reference.tag !== undefined || reference.digest !== undefined) {
      throw new LapidaryError('USAGE', `${quoted(repository)} names an image, not a repository`, {
        hint: 'leave out the tag',
      });
    }
    const { registries, signal } = this.#remote;
    return (await registries.repository(reference)).listTags({ signal });
  }

  /**
   * Removes a manifest from its registry with all of its tags, or, by a tag, that tag alone.
   * @returns what was removed, or would be
   * @throws RegistryError REGISTRY_FAILED where the registry does not allow it
   */
  remove(name: string, options: { readonly dryRun?: boolean } = {}): Promise<string> {
    return removeManifest(name, this.#remote, options);
  }
}

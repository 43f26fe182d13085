import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import {
  type Digest,
  familiarName,
  formatPlatform,
  formatReference,
  hostPlatform,
  type ImageConfig,
  type Platform,
  parseImageConfig,
  parseReference,
  withDefaultTag,
} from '../oci/index.ts';
import type { RegistryConfig } from '../registry/index.ts';
import type { BuildEvent, StoredImage, TaggedImage } from '../solve/index.ts';
import { type BootstrapRequest, bootstrapBase } from './bootstrap.ts';
import { pickPlatform } from './image-source.ts';
import { ImageTools } from './image-tools.ts';
import { imagesByDigest } from './images-by-digest.ts';
import { type LocalStore, openLocalStore } from './local-store.ts';
import { normaliseTag, writeOutputs } from './outputs.ts';
import { RemoteAccess } from './remote-access.ts';
import { type RunImageRequest, runStoredImage } from './run-image.ts';
import type { OutputSpec } from './types.ts';

export type InspectedImage = {
  readonly image: StoredImage;
  readonly config: ImageConfig;
  /** Every tag of this image, normalised. */
  readonly references: readonly string[];
};
export type LoadedImage = { readonly references: readonly string[]; readonly id: Digest };
type Cancel = { readonly signal?: AbortSignal };

export type LapidaryOptions = {
  /** Root of the store, absolute. */
  readonly store: string;
  /** Where programs such as crun are looked for, like `$PATH`. */
  readonly searchPath?: string;
  /** Credentials, mirrors, certificates and proxies for registries; asked for when the first one is needed. */
  readonly registries?: () => Promise<RegistryConfig>;
};

/** What goes over the network. */
export type RemoteOptions = {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: BuildEvent) => void;
  /** Plain HTTP, and TLS that cannot be verified, are allowed. */
  readonly insecure?: boolean;
};

/** The local store as people see it: images with names. Close it with `await using`. */
export class Lapidary implements AsyncDisposable {
  readonly #store: LocalStore;
  readonly #options: LapidaryOptions;

  private constructor(store: LocalStore, options: LapidaryOptions) {
    this.#store = store;
    this.#options = options;
  }

  static async open(options: LapidaryOptions): Promise<Lapidary> {
    return new Lapidary(await openLocalStore(options.store), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  /** All tags, in the order of their names. */
  images(): Promise<TaggedImage[]> {
    return this.#store.images.list();
  }

  /**
   * An image by tag, by image ID (at least 4 hex digits of it), or by the digest of its manifest or index. Of several platforms the one asked for, else the one
   * that runs best on this machine, else the first.
   * @throws LapidaryError IMAGE_NOT_FOUND
   */
  async inspect(name: string, platform?: Platform): Promise<InspectedImage> {
    const { image } = await this.#find(name, platform);
    const config = parseImageConfig(await this.#store.blobs.readBytes(image.id));
    const tagged = await this.#store.images.list();
    const same = tagged.filter((one) => one.images.some(({ id }) => id === image.id));
    return { image, config, references: same.map((one) => one.reference) };
  }

  /** Gives what `source` names another name. */
  async tag(source: string, target: string): Promise<void> {
    const { images } = await this.#find(source);
    await this.#store.images.tag(normaliseTag(target), images);
  }

  /** Removes a name; `removed` says that no other name is left for its image. By ID, all its names go. */
  async untag(name: string): Promise<{ readonly untagged: readonly string[]; readonly removed: boolean }> {
    const { reference, image } = await this.#find(name);
    const all = await this.#store.images.list();
    const same = all
      .filter((one) => one.images.some(({ id }) => id === image.id))
      .map((one) => one.reference);
    const gone = reference === undefined ? same : [reference];
    for (const one of gone) await this.#store.images.untag(one);
    return { untagged: gone, removed: gone.length === same.length };
  }

  /** Writes images to an archive or directory. @returns the bytes written */
  async save(
    request: {
      readonly references: readonly string[];
      readonly output: OutputSpec;
      /** Default: all of them; where the output holds one only, the one that runs here. */
      readonly platform?: Platform | undefined;
    },
    options: Cancel & {
      readonly stdout?: NodeJS.WritableStream;
      readonly onEvent?: (event: BuildEvent) => void;
    } = {},
  ): Promise<{ readonly size: number }> {
    const { platform } = request;
    const found = await Promise.all(request.references.map((name) => this.#find(name, platform)));
    const [first] = found;
    if (first === undefined) throw new LapidaryError('USAGE', 'save needs the name of an image');
    if (found.some((one) => one.image.id !== first.image.id)) {
      throw new LapidaryError('UNSUPPORTED', 'an archive of several different images is not supported yet', {
        hint: 'save each to a file of its own',
      });
    }
    const job = {
      images: imagesToSave(first, request),
      references: found.flatMap(({ reference }) => reference ?? []),
      outputs: [request.output],
    };
    await using remote = this.#remote(options);
    const { size } = await writeOutputs(job, { remote, stdout: options.stdout });
    return { size };
  }

  /** Reads an OCI or Docker archive, or an OCI layout directory, and tags what is in it. */
  async load(
    source: { readonly path: string } | { readonly stdin: AsyncIterable<Uint8Array> },
    { signal }: Cancel = {},
  ): Promise<LoadedImage[]> {
    const { importImages, openImageArchive } = await import('../context/index.ts');
    const archive = await openImageArchive('path' in source ? source.path : source.stdin);
    const imported = await importImages(archive, { ports: this.#store, signal });
    const byName = new Map<string, StoredImage[]>();
    for (const { references, image } of imported) {
      for (const reference of references) byName.set(reference, [...(byName.get(reference) ?? []), image]);
    }
    for (const [reference, images] of byName) await this.#store.images.tag(reference, images);
    return imported.map(({ references, image }) => ({ references, id: image.id }));
  }

  /** Makes a base image from a distribution's archive and tags it. */
  bootstrap(
    request: BootstrapRequest,
    options: Cancel & { readonly onEvent?: (event: BuildEvent) => void } = {},
  ): Promise<{ readonly reference: string; readonly id: Digest; readonly size: number }> {
    return bootstrapBase(request, this.#store, options);
  }

  /** Runs an image in the foreground with this process's own input and output. @returns its exit code */
  async run(
    request: RunImageRequest,
    { signal, onWarning }: Cancel & { readonly onWarning?: (message: string) => void } = {},
  ): Promise<number> {
    const { image } = await this.#find(request.reference, request.platform);
    await using remote = this.#remote({ signal });
    return await runStoredImage(image, request, {
      store: this.#store,
      layerSource: remote.fetcher,
      runtime: { ...this.#options, sandbox: request.sandbox, onEvent: warningsTo(onWarning) },
      signal: remote.signal,
    });
  }

  /** What goes over the network or between files: pulling, pushing, copying. Dispose it. */
  tools(options: RemoteOptions = {}): ImageTools {
    return new ImageTools(this.#remote(options), async (name, platform) => {
      const { image, images: all, reference } = await this.#find(name, platform);
      const images = platform === undefined ? all : [image];
      return {
        images,
        picked: image,
        tagged: reference === undefined ? undefined : await this.#store.images.get(reference),
      };
    });
  }

  #remote({ signal, onEvent, insecure }: RemoteOptions): RemoteAccess {
    return new RemoteAccess({
      store: this.#store,
      config: this.#options.registries,
      emit: onEvent ?? ((): void => undefined),
      signal: signal ?? new AbortController().signal,
      insecure,
    });
  }

  async #find(name: string, platform?: Platform): Promise<FoundImage> {
    const reference = referenceOf(name);
    const tagged = reference === undefined ? undefined : await this.#store.images.get(reference);
    if (tagged !== undefined) {
      const { images } = tagged;
      return { reference: tagged.reference, image: pickImage(name, images, platform), images };
    }
    const all = await this.#store.images.list();
    const known = all.flatMap((one) => one.images);
    const listed = await imagesByDigest(name, known, this.#store.blobs);
    const images = listed.length > 0 ? listed : this.#findById(name, all).images;
    return { image: pickImage(name, images, platform), images };
  }

  #findById(name: string, all: readonly TaggedImage[]): { readonly images: readonly [StoredImage] } {
    const hex = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(name)?.[1];
    const images = all.flatMap((one) => one.images);
    const matches = hex === undefined ? [] : images.filter(({ id }) => id.startsWith(`sha256:${hex}`));
    const [image] = matches;
    if (image === undefined) throw notFound(name, all);
    if (matches.some(({ id }) => id !== image.id)) {
      throw new LapidaryError('IMAGE_NOT_FOUND', `several images begin with ${quoted(name)}`, {
        hint: 'give more digits of the ID',
      });
    }
    return { images: [image] };
  }
}

type FoundImage = {
  /** Normalised; absent for what was found by its ID. */
  readonly reference?: string;
  /** The one that was asked for, or that this machine runs best. */
  readonly image: StoredImage;
  /** All that the name stands for. */
  readonly images: readonly StoredImage[];
};

/** @throws LapidaryError IMAGE_NOT_FOUND when there is none for the platform that was asked for */
function pickImage(
  name: string,
  images: readonly StoredImage[],
  platform: Platform | undefined,
): StoredImage {
  const host = hostPlatform(process.arch, 'linux');
  const image = pickPlatform(images, platform ?? host) ?? (platform === undefined ? images[0] : undefined);
  if (image !== undefined) return image;
  const has = images.map((one) => formatPlatform(one.platform)).join(', ');
  const wanted = formatPlatform(platform ?? host);
  throw new LapidaryError('IMAGE_NOT_FOUND', `${quoted(name)} has no image that runs on ${wanted}`, {
    hint: `it is there for ${has}`,
  });
}

function imagesToSave(
  { image, images }: FoundImage,
  { output, platform }: { readonly output: OutputSpec; readonly platform?: Platform | undefined },
): readonly StoredImage[] {
  return platform === undefined && output.type !== 'docker' ? images : [image];
}

/** `undefined` for what can only be an image ID. */
function referenceOf(name: string): string | undefined {
  if (name.startsWith('sha256:')) return undefined;
  return formatReference(withDefaultTag(parseReference(name)));
}

function notFound(name: string, all: readonly TaggedImage[]): LapidaryError {
  const names = all.map(({ reference }) => familiarName(parseReference(reference)));
  const near = suggest(name.includes(':') ? name : `${name}:latest`, names);
  return new LapidaryError('IMAGE_NOT_FOUND', `there is no image ${quoted(name)} in the local store`, {
    hint: near === undefined ? 'see `lapidary images`' : `did you mean ${near}?`,
  });
}

function warningsTo(onWarning: (message: string) => void = () => undefined): (event: BuildEvent) => void {
  return (event) => {
    if (event.type === 'warning') onWarning(event.message);
  };
}

import { LapidaryError, quoted } from '../errors/index.ts';
import { type Digest, type ImageConfig, type Platform, parseImageConfig } from '../oci/index.ts';
import type { RegistryConfig } from '../registry/index.ts';
import type { BuildEvent, StoredImage, TaggedImage } from '../solve/index.ts';
import { type BootstrapRequest, bootstrapBase } from './bootstrap.ts';
import { type FoundImage, findImage } from './find-image.ts';
import { ImageTools } from './image-tools.ts';
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
    const { image } = await findImage(name, platform, this.#store);
    const config = parseImageConfig(await this.#store.blobs.readBytes(image.id));
    const tagged = await this.#store.images.list();
    const same = tagged.filter((one) => one.images.some(({ id }) => id === image.id));
    return { image, config, references: same.map((one) => one.reference) };
  }

  /** Gives what `source` names another name. */
  async tag(source: string, target: string): Promise<void> {
    const { images } = await findImage(source, undefined, this.#store);
    await this.#store.images.tag(normaliseTag(target), images);
  }

  /** Removes a name; `removed` says that no other name is left for its image. By ID, all its names go. */
  async untag(name: string): Promise<{ readonly untagged: readonly string[]; readonly removed: boolean }> {
    const { reference, image } = await findImage(name, undefined, this.#store);
    const all = await this.#store.images.list();
    const same = all
      .filter((one) => one.images.some(({ id }) => id === image.id))
      .map((one) => one.reference);
    const gone = reference === undefined ? same : [reference];
    if (gone.length === 0) {
      throw new LapidaryError('IMAGE_NOT_FOUND', `the image ${quoted(name)} has no name to be removed`, {
        hint: 'what has no name goes when the store does',
      });
    }
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
    const found = await Promise.all(request.references.map((name) => findImage(name, platform, this.#store)));
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
    const { image } = await findImage(request.reference, request.platform, this.#store);
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
      const { image, images: all, reference } = await findImage(name, platform, this.#store);
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
}

function imagesToSave(
  { image, images }: FoundImage,
  { output, platform }: { readonly output: OutputSpec; readonly platform?: Platform | undefined },
): readonly StoredImage[] {
  return platform === undefined && output.type !== 'docker' ? images : [image];
}

function warningsTo(onWarning: (message: string) => void = () => undefined): (event: BuildEvent) => void {
  return (event) => {
    if (event.type === 'warning') onWarning(event.message);
  };
}

import { LapidaryError, quoted } from '../errors/index.ts';
import {
  type Digest,
  formatPlatform,
  formatReference,
  hostPlatform,
  matchPlatform,
  type Platform,
  parseImageConfig,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/index.ts';
import type { ImageSource, ResolvedImage, StoredImage, TaggedImage } from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';
import type { NamedContext } from './named-contexts.ts';
import type { RemoteAccess } from './remote-access.ts';
import { readRoot } from './remote-image.ts';
import { RemoteImages } from './remote-images.ts';

/**
 * When a registry is asked for an image that the local store has under this name. `missing`: never. `newer`: always,
 * but where it cannot be reached the local one does. `always`: always. `never`: not even for what is missing.
 */
export type PullPolicy = 'always' | 'missing' | 'newer' | 'never';

export type ImageSourceParts = {
  readonly remote: RemoteAccess;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly pull: PullPolicy;
};

export type FoundImage = {
  readonly image: StoredImage;
  /** Of its manifest; absent where it never had one. */
  readonly manifest?: Digest | undefined;
  /** What its name leads to in a registry: an index or a manifest. */
  readonly root?: Digest | undefined;
};

/** What was found in the local store, or why nothing was. */
type Local = FoundImage | { readonly image?: undefined; readonly reason: string };
/** An image by name, of one platform. */
type Wanted = { readonly name: string; readonly reference: Reference; readonly platform: Platform };

/** Finds images in named contexts, then in the local store, then in a registry; tells where each was found. */
export class BaseImageSource implements ImageSource {
  readonly #parts: ImageSourceParts;
  readonly #remote: RemoteImages;

  constructor(parts: ImageSourceParts) {
    this.#parts = parts;
    this.#remote = new RemoteImages(parts.remote, parts.pull);
  }

  async resolve(reference: string, platform: Platform): Promise<ResolvedImage> {
    return this.open(await this.find(reference, platform));
  }

  /** What was found, with its configuration. */
  async open({ image }: FoundImage): Promise<ResolvedImage> {
    const config = parseImageConfig(await this.#parts.remote.store.blobs.readBytes(image.id));
    return { id: image.id, config, layers: image.layers };
  }

  /** An image with the digests that it goes by. @throws LapidaryError IMAGE_NOT_FOUND */
  async find(reference: string, platform: Platform): Promise<FoundImage> {
    const context = this.#parts.contexts.get(reference);
    if (context?.type === 'oci-layout') return this.#fromLayout(reference, context.location, platform);
    const name = context?.type === 'image' ? context.reference : reference;
    return this.#byPolicy({ name, reference: withDefaultTag(parseReference(name)), platform });
  }

  /**
   * For what platforms there is an image of this name.
   * @throws LapidaryError IMAGE_NOT_FOUND
   */
  async platforms(name: string): Promise<readonly Platform[]> {
    const context = this.#parts.contexts.get(name);
    if (context?.type === 'oci-layout') {
      const { importImages, openImageArchive } = await import('../context/index.ts');
      const archive = await openImageArchive(context.location);
      const imported = await importImages(archive, { ports: this.#parts.remote.store });
      return imported.map(({ image }) => image.platform);
    }
    const reference = withDefaultTag(parseReference(context?.type === 'image' ? context.reference : name));
    const { store } = this.#parts.remote;
    const tagged = await store.images.get(formatReference(reference));
    const asks = this.#parts.pull === 'always' || this.#parts.pull === 'newer';
    if (tagged !== undefined && tagged.remote === undefined && !asks) {
      return tagged.images.map(({ platform }) => platform);
    }
    if (this.#parts.pull !== 'never') return this.#remote.platforms(name, reference);
    if (tagged !== undefined) return tagged.images.map(({ platform }) => platform);
    const local = { reason: `no image is tagged ${formatReference(reference)}` };
    const wanted = { name, reference, platform: hostPlatform(process.arch, 'linux') };
    throw this.#notFound(wanted, local, 'not asked, because of --pull=never');
  }

  async #fromLayout(reference: string, location: string, platform: Platform): Promise<FoundImage> {
    const { importImages, openImageArchive } = await import('../context/index.ts');
    const archive = await openImageArchive(location);
    const [found] = await importImages(archive, { ports: this.#parts.remote.store, platform });
    if (found === undefined) {
      throw new LapidaryError(
        'IMAGE_NOT_FOUND',
        `${quoted(location)} holds no image for ${quoted(reference)}`,
      );
    }
    return this.#found(found, { reference, from: location });
  }

  async #byPolicy(wanted: Wanted): Promise<FoundImage> {
    const { pull, remote } = this.#parts;
    const { store, emit } = remote;
    const { name, reference, platform } = wanted;
    const local = await findLocal(store, reference, platform);
    // What a digest names is as fresh as it can be
    const asks = pull === 'always' || pull === 'newer';
    if (local.image && (!asks || reference.digest !== undefined)) {
      return this.#found(local, { reference: name, from: 'local store' });
    }
    if (pull === 'never') throw this.#notFound(wanted, local, 'not asked, because of --pull=never');
    try {
      const { image, root } = await this.#remote.find(name, reference, platform);
      await this.#remote.tag(reference, image, root);
      const from = `${reference.registry}/${reference.repository}`;
      return this.#found({ image, root: root.descriptor.digest }, { reference: name, from });
    } catch (error) {
      if (!isFromRegistry(error)) throw error;
      if (pull !== 'newer' || local.image === undefined) throw this.#notFound(wanted, local, error);
      emit({ type: 'warning', message: `${name} is taken from the local store: ${error.message}` });
      return this.#found(local, { reference: name, from: 'local store' });
    }
  }

  #found(
    { image, root, manifest = image.manifest?.digest }: FoundImage,
    told: { readonly reference: string; readonly from: string },
  ): FoundImage {
    const platform = formatPlatform(image.platform);
    this.#parts.remote.emit({ type: 'image', ...told, platform, id: image.id });
    return { image, root, manifest };
  }

  #notFound({ name, reference }: Wanted, local: Local, registry: string | LapidaryError): LapidaryError {
    const names = [...this.#parts.contexts.keys()];
    const contexts = names.length === 0 ? 'none were given' : `none of ${names.join(', ')} has this name`;
    const isError = typeof registry !== 'string';
    return new LapidaryError('IMAGE_NOT_FOUND', `the image ${quoted(name)} was found nowhere`, {
      notes: [
        'tried:',
        `  named contexts (--build-context): ${contexts}`,
        `  the local store: ${local.image ? 'it has one, but --pull=always asks the registry' : local.reason}`,
        `  the registry ${reference.registry}: ${isError ? registry.message : registry}`,
        ...(isError ? (registry.notes ?? []).map((note) => `    ${note}`) : []),
      ],
      hint:
        (isError && registry.hint) ||
        'make a base with `lapidary bootstrap`, read one with `lapidary load`, or name a layout with --build-context NAME=oci-layout://DIR',
      ...(isError ? { cause: registry } : {}),
    });
  }
}

const isFromRegistry = (error: unknown): error is LapidaryError =>
  error instanceof LapidaryError && error.code.startsWith('REGISTRY_');

/** The image of a platform that the local store has under a name. */
async function findLocal(store: LocalStore, reference: Reference, platform: Platform): Promise<Local> {
  const name = formatReference(reference);
  const tagged = await store.images.get(name);
  if (tagged === undefined) return { reason: `no image is tagged ${name}` };
  const image = tagged.remote
    ? await pickRemote(tagged, tagged.remote, { store, platform })
    : pickPlatform(tagged.images, platform);
  if (image !== undefined) return { image, root: tagged.remote };
  const has = tagged.images.map((one) => formatPlatform(one.platform)).join(', ');
  return { reason: `${name} is there for ${has}, not for ${formatPlatform(platform)}` };
}

/** Only what the registry would give: it may have a better platform than the one that was pulled. */
async function pickRemote(
  { images }: TaggedImage,
  remote: Digest,
  { store, platform }: { readonly store: LocalStore; readonly platform: Platform },
): Promise<StoredImage | undefined> {
  if (!(await store.blobs.has(remote))) return undefined;
  const { manifests } = await readRoot(remote, { store });
  const best = matchPlatform(
    platform,
    manifests.map((one) => one.platform),
  );
  const digest = best === undefined ? undefined : manifests[best]?.digest;
  if (digest === undefined) return pickPlatform(images, platform);
  return images.find(({ manifest }) => manifest?.digest === digest);
}

/** The image that runs best on a platform; `undefined` when none runs there. */
export function pickPlatform(images: readonly StoredImage[], platform: Platform): StoredImage | undefined {
  const best = matchPlatform(
    platform,
    images.map((image) => image.platform),
  );
  return best === undefined ? undefined : images[best];
}

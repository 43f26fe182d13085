import { LapidaryError, quoted } from '../errors/index.ts';
import {
  formatPlatform,
  formatReference,
  matchPlatform,
  type Platform,
  parseImageConfig,
  parseReference,
  withDefaultTag,
} from '../oci/index.ts';
import type { ImageSource, ResolvedImage, StoredImage } from '../solve/index.ts';
import type { LocalStore } from './local-store.ts';
import type { NamedContext } from './named-contexts.ts';

export type ImageSourceParts = {
  readonly store: LocalStore;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly onFound: (reference: string, from: string, id: string) => void;
};

/** Finds images in named contexts, then in the local store; tells where each was found. */
export class LocalImageSource implements ImageSource {
  readonly #parts: ImageSourceParts;

  constructor(parts: ImageSourceParts) {
    this.#parts = parts;
  }

  async resolve(reference: string, platform: Platform): Promise<ResolvedImage> {
    const context = this.#parts.contexts.get(reference);
    if (context?.type === 'oci-layout') return this.#fromLayout(reference, context.location, platform);
    return this.#fromStore(context?.type === 'image' ? context.reference : reference, platform);
  }

  async #fromLayout(reference: string, location: string, platform: Platform): Promise<ResolvedImage> {
    const { importImages, openImageArchive } = await import('../context/index.ts');
    const archive = await openImageArchive(location);
    const [found] = await importImages(archive, { ports: this.#parts.store, platform });
    if (found === undefined) throw this.#notFound(reference, `${location}: it holds no image`);
    return this.#found(found.image, reference, location);
  }

  async #fromStore(reference: string, platform: Platform): Promise<ResolvedImage> {
    const name = formatReference(withDefaultTag(parseReference(reference)));
    const tagged = await this.#parts.store.images.get(name);
    if (tagged === undefined) throw this.#notFound(reference, `no image is tagged ${name}`);
    const image = pickPlatform(tagged.images, platform);
    if (image === undefined) {
      const has = tagged.images.map((one) => formatPlatform(one.platform)).join(', ');
      throw this.#notFound(reference, `${name} is for ${has}, not for ${formatPlatform(platform)}`);
    }
    return this.#found(image, reference, 'local store');
  }

  async #found(image: StoredImage, reference: string, from: string): Promise<ResolvedImage> {
    this.#parts.onFound(reference, from, image.id);
    const config = parseImageConfig(await this.#parts.store.blobs.readBytes(image.id));
    return { id: image.id, config, layers: image.layers };
  }

  #notFound(reference: string, inStore: string): LapidaryError {
    const names = [...this.#parts.contexts.keys()];
    const contexts = names.length === 0 ? 'none were given' : `none of ${names.join(', ')} has this name`;
    return new LapidaryError('IMAGE_NOT_FOUND', `the image ${quoted(reference)} was found nowhere`, {
      notes: [
        'tried:',
        `  named contexts (--build-context): ${contexts}`,
        `  the local store: ${inStore}`,
        '  registries: this version does not pull from registries',
      ],
      hint: 'make a base with `lapidary bootstrap`, read one with `lapidary load`, or name a layout with --build-context NAME=oci-layout://DIR',
    });
  }
}

/** The image that runs best on a platform; `undefined` when none runs there. */
export function pickPlatform(images: readonly StoredImage[], platform: Platform): StoredImage | undefined {
  const best = matchPlatform(
    platform,
    images.map((image) => image.platform),
  );
  return best === undefined ? undefined : images[best];
}

import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import {
  familiarName,
  formatPlatform,
  formatReference,
  hostPlatform,
  type Platform,
  parseReference,
  withDefaultTag,
} from '../oci/index.ts';
import type { StoredImage, TaggedImage } from '../solve/index.ts';
import { pickPlatform } from './image-source.ts';
import { imagesByDigest } from './images-by-digest.ts';
import type { LocalStore } from './local-store.ts';
import { findUnnamed } from './unnamed-images.ts';

export type FoundImage = {
  /** Normalised; absent for what was found by its ID. */
  readonly reference?: string;
  /** The one that was asked for, or that this machine runs best. */
  readonly image: StoredImage;
  /** All that the name stands for. */
  readonly images: readonly StoredImage[];
};

/**
 * What a name of the local store stands for: a tag, an image ID (at least 4 hex digits of it, all of them where the image has
 * no name), the digest of a manifest or index.
 * @throws LapidaryError IMAGE_NOT_FOUND
 */

export async function findImage(
  name: string,
  platform: Platform | undefined,
  store: LocalStore,
): Promise<FoundImage> {
  const reference = referenceOf(name);
  const tagged = reference === undefined ? undefined : await store.images.get(reference);
  if (tagged !== undefined) {
    const { images } = tagged;
    return { reference: tagged.reference, image: pickImage(name, images, platform), images };
  }
  const all = await store.images.list();
  const known = all.flatMap((one) => one.images);
  const listed = await imagesByDigest(name, known, store);
  const unnamed = listed.length > 0 ? undefined : await findUnnamed(name, store.facts);
  const images = listed.length > 0 ? listed : [findById(name, all, unnamed)];
  return { image: pickImage(name, images, platform), images };
}

function findById(name: string, all: readonly TaggedImage[], unnamed: StoredImage | undefined): StoredImage {
  const hex = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(name)?.[1];
  const images = all.flatMap((one) => one.images);
  const matches = hex === undefined ? [] : images.filter(({ id }) => id.startsWith(`sha256:${hex}`));
  const image = matches[0] ?? unnamed;
  if (image === undefined) throw notFound(name, all);
  if (matches.some(({ id }) => id !== image.id)) {
    throw new LapidaryError('IMAGE_NOT_FOUND', `several images begin with ${quoted(name)}`, {
      hint: 'give more digits of the ID',
    });
  }
  return image;
}

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

/** `undefined` for what can only be an image ID. */
function referenceOf(name: string): string | undefined {
  if (/^sha256:|^[0-9a-f]{64}$/.test(name)) return undefined;
  return formatReference(withDefaultTag(parseReference(name)));
}

function notFound(name: string, all: readonly TaggedImage[]): LapidaryError {
  const names = all.map(({ reference }) => familiarName(parseReference(reference)));
  const near = suggest(name.includes(':') ? name : `${name}:latest`, names);
  return new LapidaryError('IMAGE_NOT_FOUND', `there is no image ${quoted(name)} in the local store`, {
    hint: near === undefined ? 'see `lapidary images`' : `did you mean ${near}?`,
  });
}

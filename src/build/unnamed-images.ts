import { type Digest, isDigest } from '../oci/index.ts';
import type { FactStore, StoredImage } from '../solve/index.ts';
import { parseStoredImage } from '../store/index.ts';

const factOf = (id: Digest): string => `image-1:${id}`;

/** Remembers images that have no name, so that what a build says of them can be used: `lapidary run $(lapidary build -q .)`. */
export async function keepUnnamed(images: readonly StoredImage[], facts: FactStore): Promise<void> {
  for (const image of images) {
    const text = JSON.stringify(image);
    if ((await facts.get(factOf(image.id))) !== text) await facts.put(factOf(image.id), text);
  }
}

/** An image that was built without a name, by its whole ID, with `sha256:` or without. */
export async function findUnnamed(
  name: string,
  facts: Pick<FactStore, 'get'>,
): Promise<StoredImage | undefined> {
  const id = name.startsWith('sha256:') ? name : `sha256:${name}`;
  if (!isDigest(id)) return undefined;
  const text = await facts.get(factOf(id));
  const image = text === undefined ? undefined : parseStoredImage(text);
  return image?.id === id ? image : undefined;
}

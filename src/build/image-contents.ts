import { knownBlobSize } from '../export/index.ts';
import type { ImageContents, LayerContents } from '../inspect/index.ts';
import { hostPlatform, type Platform, parseImageConfig } from '../oci/index.ts';
import { contentSource, inTurns, type StoredImage } from '../solve/index.ts';
import { type FileNode, Tree } from '../tree/index.ts';
import { type FindStored, type ImagePlace, openCopySource } from './copy-image.ts';
import { planCopy } from './copy-plan.ts';
import type { RemoteAccess } from './remote-access.ts';
import { storedImage } from './remote-image.ts';

export type FindAccess = { readonly remote: RemoteAccess; readonly find: FindStored };

/** An image where it is, for one platform: of the local store, else with its blobs in the store. */
export async function findImage(
  place: ImagePlace,
  platform: Platform | undefined,
  { remote, find }: FindAccess,
): Promise<StoredImage> {
  if (place.at === 'store') return (await find(place.name, platform)).picked;
  const { store } = remote;
  const source = await openCopySource(place, { remote, find });
  const { root } = await planCopy(source, platform ?? hostPlatform(process.arch, 'linux'));
  for (const blob of root.blobs.slice(0, 1)) await source.document(blob);
  const image = await storedImage(root.descriptor, { store, name: source.name });
  const missing = image.layers.flatMap(({ layer, blob }) => (layer === undefined ? [blob] : []));
  await Promise.all(missing.map((blob) => source.toStore(blob)));
  return image;
}

/** Reads all layers of an image; those that are elsewhere are fetched. */
export async function readImageContents(
  image: StoredImage,
  { store, fetcher }: Pick<RemoteAccess, 'store' | 'fetcher'>,
): Promise<ImageContents> {
  const config = parseImageConfig(await store.blobs.readBytes(image.id));
  const layers = await Promise.all(
    image.layers.map(async (stored): Promise<LayerContents> => {
      const { layer, diffId, size } = await fetcher.ensure(stored);
      const { entries } = await store.layers.read(layer);
      const compressed = stored.blob?.size ?? (await knownBlobSize(diffId, store.facts));
      return { diffId, size, ...(compressed === undefined ? {} : { compressed }), entries };
    }),
  );
  let tree = Tree.empty;
  for (const { entries } of layers) tree = await inTurns(tree.applySteps(entries));
  const open = (file: FileNode): ReturnType<typeof contentSource> => contentSource(file, store.layers);
  return { id: image.id, platform: image.platform, config, layers, filesystem: { tree, open } };
}

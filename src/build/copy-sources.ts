import { createReadStream } from 'node:fs';
import type { ImageDocument } from '../export/index.ts';
import { type Descriptor, isDigest, isIndexType, isManifestType, type Reference } from '../oci/index.ts';
import type { StoredImage, TaggedImage } from '../solve/index.ts';
import { notePlace } from './blob-places.ts';
import type { CopySource } from './copy-plan.ts';
import { fetchForOutput } from './prepare-output.ts';
import type { RemoteAccess } from './remote-access.ts';
import { readRoot } from './remote-image.ts';

const READ_SIZE = 1024 * 1024;

/** An image in a registry. Its blobs go straight to where they are copied to, not through the store. */
export async function registrySource(
  name: string,
  reference: Reference,
  remote: RemoteAccess,
): Promise<CopySource> {
  const { store, registries, signal, fetcher } = remote;
  const repository = await registries.repository(reference);
  const { blobs } = store;
  const place = { registry: repository.registry, repository: repository.name };
  const target = reference.digest ?? reference.tag ?? 'latest';
  const known = isDigest(target) && (await blobs.has(target));
  const { descriptor, bytes } = known
    ? { ...(await readRoot(target, { store })), bytes: await blobs.readBytes(target) }
    : await repository.getManifest(target, { signal });
  await blobs.putBytes(bytes);
  return {
    name,
    root: descriptor,
    placeOf: () => place,
    async document(one) {
      if (await blobs.has(one.digest)) return blobs.readBytes(one.digest);
      const isManifest = isIndexType(one.mediaType) || isManifestType(one.mediaType);
      const read = isManifest
        ? (await repository.getManifest(one.digest, { signal })).bytes
        : await repository.readBlob(one, { signal });
      await blobs.putBytes(read);
      return read;
    },
    read: (blob, offset) => skipTo(repository.openBlob(blob, { signal }), offset),
    async toStore(blob) {
      await notePlace(store.facts, blob.digest, place);
      await fetcher.ensureBlob(blob);
    },
  };
}

async function* skipTo(source: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let left = offset;
  for await (const chunk of source) {
    if (left < chunk.length) yield left > 0 ? chunk.subarray(left) : chunk;
    left = Math.max(0, left - chunk.length);
  }
}

/** What goes through the store: `toStore` puts a blob there, if it is not there yet. */
export function storedSource(
  remote: RemoteAccess,
  { name, root, toStore }: Pick<CopySource, 'name' | 'root' | 'toStore'>,
): CopySource {
  const { blobs } = remote.store;
  return {
    name,
    root,
    toStore,
    async document(descriptor) {
      if (!(await blobs.has(descriptor.digest))) await toStore(descriptor);
      return blobs.readBytes(descriptor.digest);
    },
    async *read(blob, offset) {
      if (!(await blobs.has(blob.digest))) await toStore(blob);
      const file = createReadStream(blobs.path(blob.digest), { start: offset, highWaterMark: READ_SIZE });
      for await (const chunk of file) yield chunk as Uint8Array;
    },
  };
}

/** An image of the local store: as it came, or with its layers compressed now. */
export async function storeSource(
  name: string,
  images: readonly StoredImage[],
  { remote, tagged }: { readonly remote: RemoteAccess; readonly tagged?: TaggedImage | undefined },
): Promise<CopySource> {
  const toStore = (blob: Descriptor): Promise<void> => remote.fetcher.ensureBlob(blob);
  const whole = tagged && (await wholeRoot(tagged, remote));
  if (whole !== undefined) return storedSource(remote, { name, root: whole, toStore });
  const documents: ImageDocument[] = [];
  for (const image of images) documents.push(await manifestOf(image, remote));
  const [only, ...more] = documents;
  if (only === undefined) throw new Error('a copy of no image');
  if (more.length === 0) return storedSource(remote, { name, root: plain(only), toStore });
  const { indexDocument } = await import('../export/index.ts');
  const index = indexDocument(documents.map(({ descriptor }) => descriptor));
  await remote.store.blobs.putBytes(index.bytes);
  return storedSource(remote, { name, root: index.descriptor, toStore });
}

const plain = ({ descriptor: { mediaType, digest, size } }: ImageDocument): Descriptor => ({
  mediaType,
  digest,
  size,
});

/** The index that a registry gave, when all that it names is here. */
async function wholeRoot(
  { remote: root, images }: TaggedImage,
  { store }: RemoteAccess,
): Promise<Descriptor | undefined> {
  if (root === undefined || !(await store.blobs.has(root))) return undefined;
  const { descriptor, all } = await readRoot(root, { store });
  const here = new Set(images.flatMap(({ manifest }) => manifest?.digest ?? []));
  return all.every(({ digest }) => here.has(digest)) ? descriptor : undefined;
}

async function manifestOf(image: StoredImage, remote: RemoteAccess): Promise<ImageDocument> {
  const { store, signal, fetcher } = remote;
  if (image.manifest !== undefined) {
    const bytes = await store.blobs.readBytes(image.manifest.digest);
    return { descriptor: { ...image.manifest, platform: image.platform }, bytes };
  }
  const { imageDocuments, layerBlob } = await import('../export/index.ts');
  const [fetched = image] = await fetchForOutput([image], { type: 'oci' }, fetcher);
  const layers = [];
  for (const layer of fetched.layers) {
    layers.push(await layerBlob(layer, store, { compression: 'gzip', signal }));
  }
  const { config, manifest } = await imageDocuments(image, layers, store);
  await store.blobs.putBytes(config.bytes);
  await store.blobs.putBytes(manifest.bytes);
  return manifest;
}

import { LapidaryError } from '../errors/index.ts';
import type { ImageDocument, LayerBlob, LayerCompression } from '../export/index.ts';
import { type Descriptor, formatReference, MEDIA, parseManifest, type Reference } from '../oci/index.ts';
import { Semaphore, type StoredImage, type StoredLayer } from '../solve/index.ts';
import { placeName } from './blob-places.ts';
import { fetchForPush, isMadeAnew } from './prepare-output.ts';
import { BlobPusher } from './push-blobs.ts';
import type { RemoteAccess } from './remote-access.ts';

export type PushRequest = LayerCompression & {
  /** One per platform; several give an index. Not empty. */
  readonly images: readonly StoredImage[];
  /** Where to, with a tag each; what has none is pushed by its digest only. Not empty. */
  readonly references: readonly Reference[];
  /** Plain HTTP, and TLS that cannot be verified, are allowed. */
  readonly insecure?: boolean | undefined;
};

/** `descriptor` is of the index, or of the only manifest; `size` are the bytes of the blobs that were sent. */
export type Pushed = { readonly descriptor: Descriptor; readonly size: number };

/**
 * Pushes images: blobs first, then manifests, tags last. Blobs that are there are not sent, those of base images are
 * mounted from where they came, new ones are sent while they are compressed.
 */
export async function pushImages(request: PushRequest, remote: RemoteAccess): Promise<Pushed> {
  const images = await fetchForPush(request.images, request, remote.fetcher);
  let root: Descriptor | undefined;
  let size = 0;
  for (const references of byRepository(request.references)) {
    const pushed = await pushTo(references, { ...request, images }, remote);
    root = pushed.descriptor;
    size += pushed.size;
  }
  if (root === undefined) throw new LapidaryError('USAGE', 'a push needs a name', { hint: 'add -t NAME' });
  return { descriptor: root, size };
}

/** Finds out before the work whether its result may be pushed. @throws RegistryError */
export async function checkPush(
  { references, insecure }: Pick<PushRequest, 'references' | 'insecure'>,
  { registries, signal }: RemoteAccess,
): Promise<void> {
  const checks = byRepository(references).map(async ([first]) => {
    await (await registries.repository(first, { insecure })).checkPush({ signal });
  });
  await Promise.all(checks);
}

type Group = readonly [Reference, ...Reference[]];

function byRepository(references: readonly Reference[]): Group[] {
  const groups = new Map<string, Group>();
  for (const reference of references) {
    const name = placeName(reference);
    const known = groups.get(name);
    groups.set(name, known === undefined ? [reference] : [...known, reference]);
  }
  return [...groups.values()];
}

async function pushTo(references: Group, request: PushRequest, remote: RemoteAccess): Promise<Pushed> {
  const { signal, emit, registries } = remote;
  const repository = await registries.repository(references[0], { insecure: request.insecure });
  const pusher = new BlobPusher(repository, remote);
  const manifests: ImageDocument[] = [];
  for (const image of request.images) manifests.push(await pushParts(image, pusher, { ...request, remote }));
  const [only, ...more] = manifests;
  if (only === undefined) throw new Error('a push without an image');
  const tags = references.flatMap(({ tag }) => tag ?? []);
  let root = only;
  if (more.length > 0) {
    const { indexDocument } = await import('../export/index.ts');
    const lines = manifests.map(({ descriptor }) => descriptor);
    root = indexDocument(lines, {
      mediaType: request.ociMediaTypes === false ? MEDIA.dockerIndex : MEDIA.ociIndex,
    });
    for (const { descriptor, bytes } of manifests) {
      await repository.putManifest({ bytes, mediaType: descriptor.mediaType }, undefined, { signal });
    }
  }
  const { digest, mediaType, size } = root.descriptor;
  for (const target of tags.length === 0 ? [undefined] : tags) {
    await repository.putManifest({ bytes: root.bytes, mediaType }, target, { signal });
  }
  for (const reference of references) emit({ type: 'pushed', reference: formatReference(reference), digest });
  return { descriptor: { mediaType, digest, size }, size: pusher.sent };
}

type PartsOptions = LayerCompression & { readonly remote: RemoteAccess };

/** Everything a manifest needs to be there before it. */
async function pushParts(
  image: StoredImage,
  pusher: BlobPusher,
  options: PartsOptions,
): Promise<ImageDocument> {
  if (image.manifest !== undefined && keepsManifest(image.manifest, options)) {
    return pushAsItCame(image, image.manifest, { pusher, remote: options.remote });
  }
  const { imageDocuments } = await import('../export/index.ts');
  const { store } = options.remote;
  const layers = await pushLayers(image.layers, pusher, options);
  const { ociMediaTypes } = options;
  const { config, manifest } = await imageDocuments(image, layers, { ...store, ociMediaTypes });
  await store.blobs.putBytes(config.bytes);
  await pusher.push(config.descriptor);
  return manifest;
}

function keepsManifest(
  { mediaType }: Descriptor,
  { forceCompression = false, ociMediaTypes }: LayerCompression,
): boolean {
  const isOci = mediaType === MEDIA.ociManifest;
  return !forceCompression && (ociMediaTypes ?? isOci) === isOci;
}

/** An image that came with a manifest keeps it, and so its digest. */
async function pushAsItCame(
  { platform }: StoredImage,
  descriptor: Descriptor,
  { pusher, remote }: { readonly pusher: BlobPusher; readonly remote: RemoteAccess },
): Promise<ImageDocument> {
  const bytes = await remote.store.blobs.readBytes(descriptor.digest);
  const { config, layers } = parseManifest(bytes);
  const places = new Semaphore(remote.jobs);
  await Promise.all([config, ...layers].map((blob) => places.run(() => pusher.push(blob))));
  return { descriptor: { ...descriptor, platform }, bytes };
}

async function pushLayers(
  layers: readonly StoredLayer[],
  pusher: BlobPusher,
  { remote, compression = 'gzip', compressionLevel: level, ...encoding }: PartsOptions,
): Promise<LayerBlob[]> {
  const { layerBlob } = await import('../export/index.ts');
  const { store, signal } = remote;
  const places = new Semaphore(remote.jobs);
  return Promise.all(
    layers.map((layer) =>
      places.run(async () => {
        const sending = pusher.sending();
        const force = isMadeAnew(layer, encoding);
        const blob = await layerBlob(
          layer,
          { ...store, blobs: sending.blobs },
          { compression, level, force, signal },
        );
        if (!sending.sent()) await pusher.push(blob.descriptor);
        return blob;
      }),
    ),
  );
}

import { LapidaryError, quoted } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  formatPlatform,
  type ImageConfig,
  imagePlatform,
  isAttestation,
  isDigest,
  isManifestType,
  layerCompression,
  lazyAnnotations,
  type Manifest,
  MEDIA,
  matchPlatform,
  type Platform,
  parseImageConfig,
  parseManifest,
  parseManifestOrIndex,
} from '../oci/index.ts';
import type { Repository } from '../registry/index.ts';
import { asLocal, type StoredImage, type StoredLayer } from '../solve/index.ts';
import { notePlace } from './blob-places.ts';
import type { LocalStore } from './local-store.ts';

/** An image of a registry: its documents are in the store, its layers are where they were. */
export type RemoteImage = { readonly image: StoredImage; readonly config: ImageConfig };

export type RemoteOptions = {
  readonly store: LocalStore;
  /** What errors call the image. */
  readonly name: string;
  readonly signal: AbortSignal;
};

/** What a registry has under a name: one image, or one for each of several platforms. */
export type RemoteRoot = {
  readonly descriptor: Descriptor;
  /** Manifests of images; a platform may not be told. */
  readonly manifests: readonly Descriptor[];
  /** The same with all that is no image, such as attestations. */
  readonly all: readonly Descriptor[];
};

/** Of an index that does not say what its manifests are for, so many are looked into. */
const MAX_UNDESCRIBED = 32;

/** Reads what `target`, a tag or digest, names. What a digest names is asked for once only. */
export async function openRemoteRoot(
  repository: Repository,
  target: string,
  options: RemoteOptions,
): Promise<RemoteRoot> {
  const { store, signal } = options;
  if (isDigest(target) && (await store.blobs.has(target))) return readRoot(target, options);
  const { descriptor, bytes } = await repository.getManifest(target, { signal });
  await store.blobs.putBytes(bytes);
  return rootOf(descriptor, bytes);
}

/** The same from the store, where an earlier call has put it. @throws LapidaryError STORE_CORRUPT */
export async function readRoot(digest: Digest, { store }: Pick<RemoteOptions, 'store'>): Promise<RemoteRoot> {
  const bytes = await store.blobs.readBytes(digest);
  const read = parseManifestOrIndex(bytes);
  const isIndex = read.kind === 'index';
  const told = isIndex ? read.index.mediaType : read.manifest.mediaType;
  const mediaType = told ?? (isIndex ? MEDIA.ociIndex : MEDIA.ociManifest);
  return rootOf({ mediaType, digest, size: bytes.length }, bytes);
}

function rootOf(descriptor: Descriptor, bytes: Uint8Array): RemoteRoot {
  const read = parseManifestOrIndex(bytes);
  if (read.kind === 'manifest') return { descriptor, manifests: [descriptor], all: [descriptor] };
  const all = read.index.manifests;
  const images = all.filter((one) => isManifestType(one.mediaType) && !isAttestation(one));
  return { descriptor, manifests: images, all };
}

/**
 * The image below `root` that runs best on a platform.
 * @throws LapidaryError IMAGE_NOT_FOUND when there is none, UNSUPPORTED for layers that cannot be read
 */
export async function chooseImage(
  repository: Repository,
  root: RemoteRoot,
  { platform, ...options }: RemoteOptions & { readonly platform: Platform },
): Promise<RemoteImage> {
  const described = matchPlatform(
    platform,
    root.manifests.map((one) => one.platform),
  );
  const chosen = described === undefined ? undefined : root.manifests[described];
  if (chosen !== undefined) return openManifest(repository, chosen, options);
  const silent = root.manifests.filter((one) => one.platform === undefined).slice(0, MAX_UNDESCRIBED);
  const opened: RemoteImage[] = [];
  for (const one of silent) opened.push(await openManifest(repository, one, options));
  const offered = opened.map(({ image }) => image.platform);
  const best = opened[matchPlatform(platform, offered) ?? -1];
  if (best !== undefined) return best;
  const all = [...root.manifests.flatMap((one) => one.platform ?? []), ...offered];
  throw wrongPlatform(options.name, platform, all);
}

/** Reads a manifest and its configuration, and remembers where its layers are. */
export async function openManifest(
  repository: Repository,
  descriptor: Descriptor,
  options: RemoteOptions,
): Promise<RemoteImage> {
  const manifest = parseManifest(await readManifest(repository, descriptor, options));
  const { mediaType } = manifest.config;
  if (mediaType !== MEDIA.ociConfig && mediaType !== MEDIA.dockerConfig) {
    throw new LapidaryError('IMAGE_NOT_FOUND', `${quoted(options.name)} is no container image`, {
      hint: `it is an artifact of the type ${quoted(mediaType)}`,
    });
  }
  const config = parseImageConfig(await readConfig(repository, manifest.config, options));
  const image = await imageOf(descriptor, { manifest, config }, options);
  const place = { registry: repository.registry, repository: repository.name };
  for (const blob of [manifest.config, ...manifest.layers]) {
    await notePlace(options.store.facts, blob.digest, place);
  }
  return { image, config };
}

/** An image whose manifest and configuration are in the store. */
export async function storedImage(
  descriptor: Descriptor,
  { store, name }: Pick<RemoteOptions, 'store' | 'name'>,
): Promise<StoredImage> {
  const manifest = parseManifest(await store.blobs.readBytes(descriptor.digest));
  const config = parseImageConfig(await store.blobs.readBytes(manifest.config.digest));
  return imageOf(descriptor, { manifest, config }, { store, name });
}

async function imageOf(
  { mediaType, digest, size, platform }: Descriptor,
  { manifest, config }: { readonly manifest: Manifest; readonly config: ImageConfig },
  options: Pick<RemoteOptions, 'store' | 'name'>,
): Promise<StoredImage> {
  return {
    id: manifest.config.digest,
    platform: imagePlatform(config, platform),
    layers: await layersOf(manifest, config, options),
    manifest: { mediaType, digest, size },
  };
}

async function layersOf(
  manifest: Manifest,
  config: ImageConfig,
  { store, name }: Pick<RemoteOptions, 'store' | 'name'>,
): Promise<StoredLayer[]> {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new LapidaryError(
      'MANIFEST_INVALID',
      `${quoted(name)} has ${manifest.layers.length} layers, but its configuration names ${diffIds.length}`,
    );
  }
  const layers: StoredLayer[] = [];
  for (const [i, layer] of manifest.layers.entries()) {
    const { mediaType, digest, size } = layer;
    const diffId = diffIds[i];
    if (layerCompression(mediaType) === undefined || diffId === undefined) throw unreadable(name, mediaType);
    layers.push(
      await asLocal({ diffId, blob: { mediaType, digest, size, ...lazyAnnotations(layer) } }, store),
    );
  }
  return layers;
}

async function readManifest(
  repository: Repository,
  { digest }: Descriptor,
  { store, signal }: RemoteOptions,
): Promise<Uint8Array> {
  if (await store.blobs.has(digest)) return store.blobs.readBytes(digest);
  const { bytes } = await repository.getManifest(digest, { signal });
  await store.blobs.putBytes(bytes);
  return bytes;
}

async function readConfig(
  repository: Repository,
  descriptor: Descriptor,
  { store, signal }: RemoteOptions,
): Promise<Uint8Array> {
  if (await store.blobs.has(descriptor.digest)) return store.blobs.readBytes(descriptor.digest);
  const bytes = await repository.readBlob(descriptor, { signal });
  await store.blobs.putBytes(bytes);
  return bytes;
}

function unreadable(name: string, mediaType: string): LapidaryError {
  const foreign = /\.(foreign|nondistributable)\./.test(mediaType);
  return new LapidaryError(
    'UNSUPPORTED',
    `${quoted(name)} has a layer of the media type ${quoted(mediaType)}, which cannot be read`,
    {
      hint: foreign
        ? 'layers that must not be distributed, as Windows has them, are elsewhere: they are not supported'
        : 'expected tar layers, uncompressed or compressed with gzip or zstd',
    },
  );
}

function wrongPlatform(name: string, wanted: Platform, offered: readonly Platform[]): LapidaryError {
  const names = [...new Set(offered.map(formatPlatform))].slice(0, 20).join(', ');
  return new LapidaryError(
    'IMAGE_NOT_FOUND',
    `${quoted(name)} has no image that runs on ${formatPlatform(wanted)}`,
    { hint: names === '' ? 'it holds no image' : `it has ${names}: choose with --platform` },
  );
}

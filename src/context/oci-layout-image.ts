import { LapidaryError, quoted } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  hexOf,
  type ImageConfig,
  imagePlatform,
  layerCompression,
  lazyAnnotations,
  type Manifest,
  MEDIA,
  type Platform,
  parseImageConfig,
  parseManifest,
} from '../oci/index.ts';
import { readLayerRecord, type StoredLayer } from '../solve/index.ts';
import { expectBlob, type ImageFiles, MAX_JSON_BYTES, tooLarge } from './image-archive-files.ts';
import { importLayer, type LayerToImport } from './image-archive-layers.ts';
import type { ImportedImage, ImportOptions } from './image-archive-types.ts';

/** A manifest and, when it is of an image, its configuration. */
export type OpenedManifest = {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig | undefined;
  readonly platform: Platform;
};
export type ImageManifest = OpenedManifest & { readonly config: ImageConfig };

export const isImage = (opened: OpenedManifest): opened is ImageManifest => opened.config !== undefined;

/** Reads and verifies a manifest and its configuration; artifacts that are no images have none. */
export async function openManifest(
  descriptor: Descriptor,
  files: ImageFiles,
  options: ImportOptions,
): Promise<OpenedManifest> {
  const manifest = parseManifest(await readBlob(descriptor, files, options));
  const { mediaType } = manifest.config;
  const isImageConfig = mediaType === MEDIA.ociConfig || mediaType === MEDIA.dockerConfig;
  const config = isImageConfig
    ? parseImageConfig(await readBlob(manifest.config, files, options))
    : undefined;
  return { descriptor, manifest, config, platform: imagePlatform(config, descriptor.platform) };
}

/**
 * Blob, layer by layer, digests verified: all of the image is in the store when this returns. Layers that were never read
 * stay the blobs that they are until somebody reads them.
 */
export async function importImage(
  { descriptor, manifest, config, platform }: ImageManifest,
  files: ImageFiles,
  options: ImportOptions,
): Promise<ImportedImage> {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw layerCount(files.name, diffIds.length, manifest.layers.length);
  }
  const layers: StoredLayer[] = [];
  for (const [index, blob] of manifest.layers.entries()) {
    options.signal?.throwIfAborted();
    const compression = layerCompression(blob.mediaType);
    const diffId = diffIds[index];
    if (compression === undefined || diffId === undefined) throw unknownLayer(files.name, blob);
    const { digest, size } = await files.toBlob(blobPath(blob.digest), blob);
    const stored = { mediaType: blob.mediaType, digest, size, ...lazyAnnotations(blob) };
    layers.push(await placeLayer({ blob: stored, compression, diffId }, options));
  }
  const image = { id: manifest.config.digest, platform, layers };
  return { references: [], image, config, manifest: descriptor.digest };
}

/**
 * A layer that nobody has read yet stays a blob. Where another blob is known to be the tar that this one is said to be, it
 * is read now: what is said of it would never be looked at again.
 */
async function placeLayer(layer: LayerToImport, { ports, signal }: ImportOptions): Promise<StoredLayer> {
  const { blob, diffId } = layer;
  const isNew = (await readLayerRecord(ports.facts, ports.layers, diffId)) === undefined;
  return isNew ? { diffId, blob } : importLayer(layer, ports, signal);
}

const blobPath = (digest: Digest): string => `blobs/sha256/${hexOf(digest)}`;

async function readBlob(
  descriptor: Descriptor,
  files: ImageFiles,
  { ports }: ImportOptions,
): Promise<Uint8Array> {
  const path = blobPath(descriptor.digest);
  if (descriptor.size > MAX_JSON_BYTES) throw tooLarge(files, path, MAX_JSON_BYTES);
  const { digest, size } = expectBlob(await files.toBlob(path, descriptor), descriptor);
  const bytes = await ports.blobs.readBytes(digest);
  if (bytes.length === size) return bytes;
  throw new LapidaryError(
    'DIGEST_MISMATCH',
    `${quoted(path)} in ${quoted(files.name)} has ${bytes.length} bytes, its descriptor says ${size}`,
  );
}

export function layerCount(name: string, diffIds: number, layers: number): LapidaryError {
  return new LapidaryError(
    'MANIFEST_INVALID',
    `an image in ${quoted(name)} has ${layers} layers, but its configuration names ${diffIds}`,
  );
}

function unknownLayer(name: string, { digest, mediaType }: Descriptor): LapidaryError {
  return new LapidaryError(
    'UNSUPPORTED',
    `layer ${digest} in ${quoted(name)} has the media type ${quoted(mediaType)}, which is no layer that can be read`,
    { hint: 'write the image again with gzip, zstd or uncompressed layers' },
  );
}

import { open } from 'node:fs/promises';
import * as v from 'valibot';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { detectCompression } from '../host/index.ts';
import {
  type Compression,
  type Digest,
  formatPlatform,
  formatReference,
  type ImageConfig,
  imagePlatform,
  MEDIA,
  matchPlatform,
  parseImageConfig,
  parseReference,
  sha256,
  withDefaultTag,
} from '../oci/index.ts';
import type { StoredLayer } from '../solve/index.ts';
import { type ImageFiles, MAX_JSON_BYTES } from './image-archive-files.ts';
import { importLayer } from './image-archive-layers.ts';
import type { ImportedImage, ImportOptions } from './image-archive-types.ts';
import { layerCount } from './oci-layout-image.ts';

/** `manifest.json` of `docker save`; moby, image/tarexport, "manifestItem". */
const manifestSchema = v.pipe(
  v.array(
    v.object({
      Config: v.pipe(v.string(), v.minLength(1)),
      RepoTags: v.nullish(v.array(v.string())),
      Layers: v.nullish(v.pipe(v.array(v.string()), v.maxLength(1000))),
    }),
  ),
  v.maxLength(1000),
);
type DockerImage = v.InferOutput<typeof manifestSchema>[number];

/**
 * Imports the images of a Docker archive by its `manifest.json`. Layers may be compressed, and may be reached through
 * links within the archive.
 * @throws LapidaryError IMAGE_NOT_FOUND when there is none, or none for the platform asked for
 */
export async function importDockerArchive(
  files: ImageFiles,
  options: ImportOptions,
): Promise<ImportedImage[]> {
  const images: ImportedImage[] = [];
  const platforms = new Set<string>();
  for (const item of await readManifest(files)) {
    options.signal?.throwIfAborted();
    const config = await readConfig(item.Config, files, options);
    const platform = imagePlatform(config.config, undefined);
    platforms.add(formatPlatform(platform));
    if (options.platform !== undefined && matchPlatform(options.platform, [platform]) === undefined) continue;
    const layers = await importLayers(item, config.config, { files, options });
    const image = { id: config.digest, platform, layers };
    images.push({ references: references(item, files), image, config: config.config });
  }
  if (images.length > 0) return images;
  const wanted = options.platform === undefined ? '' : ` that runs on ${formatPlatform(options.platform)}`;
  throw new LapidaryError('IMAGE_NOT_FOUND', `${quoted(files.name)} holds no image${wanted}`, {
    hint: platforms.size === 0 ? undefined : `it holds ${[...platforms].join(', ')}`,
  });
}

async function readManifest(files: ImageFiles): Promise<readonly DockerImage[]> {
  const bytes = await files.read('manifest.json', MAX_JSON_BYTES);
  try {
    return v.parse(manifestSchema, JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (error) {
    throw new LapidaryError(
      'MANIFEST_INVALID',
      `"manifest.json" in ${quoted(files.name)} is malformed: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** A configuration is named by its digest; a name that is no digest promises nothing. */
async function readConfig(
  path: string,
  files: ImageFiles,
  { ports }: ImportOptions,
): Promise<{ readonly digest: Digest; readonly config: ImageConfig }> {
  const bytes = await files.read(path, MAX_JSON_BYTES);
  const digest = sha256(bytes);
  const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1];
  if (named !== undefined && digest !== `sha256:${named}`) {
    throw new LapidaryError(
      'DIGEST_MISMATCH',
      `${quoted(path)} in ${quoted(files.name)} is not what it should be: it has the digest ${digest}`,
      { hint: 'the archive is damaged: write it again' },
    );
  }
  const config = parseImageConfig(bytes);
  await ports.blobs.putBytes(bytes);
  return { digest, config };
}

async function importLayers(
  { Layers }: DockerImage,
  config: ImageConfig,
  { files, options }: { readonly files: ImageFiles; readonly options: ImportOptions },
): Promise<StoredLayer[]> {
  const diffIds = config.rootfs.diff_ids;
  const paths = Layers ?? [];
  if (paths.length !== diffIds.length) throw layerCount(files.name, diffIds.length, paths.length);
  const layers: StoredLayer[] = [];
  for (const [index, diffId] of diffIds.entries()) {
    options.signal?.throwIfAborted();
    const path = paths[index] ?? '';
    const { digest, size } = await files.toBlob(path);
    const compression = await blobCompression(options.ports.blobs.path(digest), path);
    const blob = { mediaType: layerType(compression), digest, size };
    layers.push(await importLayer({ blob, compression, diffId }, options.ports, options.signal));
  }
  return layers;
}

async function blobCompression(path: string, name: string): Promise<Compression> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(16), 0, 16, 0);
  const compression = detectCompression(buffer.subarray(0, bytesRead));
  if (compression !== 'bzip2' && compression !== 'xz') return compression;
  throw new LapidaryError(
    'ARCHIVE_UNSUPPORTED',
    `the layer ${quoted(name)} is compressed with ${compression}`,
    {
      hint: 'save the image again with layers that are not compressed',
    },
  );
}

function layerType(compression: Compression): string {
  if (compression === 'uncompressed') return MEDIA.ociLayer;
  return compression === 'gzip' ? MEDIA.ociLayerGzip : MEDIA.ociLayerZstd;
}

function references({ RepoTags }: DockerImage, files: ImageFiles): string[] {
  try {
    const names = (RepoTags ?? []).map((tag) => formatReference(withDefaultTag(parseReference(tag))));
    return [...new Set(names)];
  } catch (error) {
    throw new LapidaryError(
      'MANIFEST_INVALID',
      `"manifest.json" in ${quoted(files.name)}: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

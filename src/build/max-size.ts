import { LapidaryError } from '../errors/index.ts';
import type { LayerCompression } from '../export/index.ts';
import { layerLines, sizeReport } from '../inspect/index.ts';
import { formatPlatform, parseImageConfig } from '../oci/index.ts';
import { layerSize, type StoredImage } from '../solve/index.ts';
import { readImageContents } from './image-contents.ts';
import type { RemoteAccess } from './remote-access.ts';
import type { OutputSpec } from './types.ts';

/** A limit of what an image may take: its layers as uncompressed tars, or compressed as they are transferred. */
export type MaxSize = { readonly bytes: number; readonly compressed: boolean };

type Measured = { readonly image: StoredImage; readonly sizes: readonly number[]; readonly sum: number };

/** How many layers and files an error names. */
const NAMED = 5;

/**
 * Compares every image with the limit. For compressed sizes layers are compressed, as the outputs will have them.
 * @throws LapidaryError SIZE_EXCEEDED with the largest layers and files
 */
export async function checkSizes(
  images: readonly StoredImage[],
  limit: MaxSize,
  { remote, outputs }: { readonly remote: RemoteAccess; readonly outputs: readonly OutputSpec[] },
): Promise<void> {
  for (const image of images) {
    const sizes = limit.compressed
      ? await compressedSizes(image, outputs, remote)
      : image.layers.map((layer) => layerSize(layer));
    const measured = { image, sizes, sum: sizes.reduce((sum, size) => sum + size, 0) };
    if (measured.sum > limit.bytes) throw await exceeded(measured, limit, remote);
    const unknown = limit.compressed ? 0 : image.layers.filter(({ layer }) => layer === undefined).length;
    if (unknown === 0) continue;
    const message = `--max-size: ${unknown} layers of the base were never fetched, and count with their compressed size`;
    remote.emit({ type: 'warning', message, hint: 'limit what is transferred: --max-size SIZE,compressed' });
  }
}

async function compressedSizes(
  image: StoredImage,
  outputs: readonly OutputSpec[],
  { store, signal }: RemoteAccess,
): Promise<number[]> {
  const { layerBlob } = await import('../export/index.ts');
  const output = outputs.find((one) => 'compression' in one && one.compression !== undefined);
  const how: LayerCompression = output !== undefined && 'compression' in output ? output : {};
  const { compression = 'gzip', compressionLevel: level, forceCompression: force } = how;
  const sizes: number[] = [];
  for (const layer of image.layers) {
    // What is elsewhere stays as it is
    const options = { compression, level, force: force && layer.layer !== undefined, signal };
    const { descriptor } = await layerBlob(layer, store, options);
    sizes.push(descriptor.size);
  }
  return sizes;
}

async function exceeded(
  { image, sizes, sum }: Measured,
  { bytes, compressed }: MaxSize,
  remote: RemoteAccess,
): Promise<LapidaryError> {
  const which = formatPlatform(image.platform);
  const how = compressed ? ' compressed' : '';
  const message = `the image for ${which} has ${megabytes(sum)}${how}, more than the ${megabytes(bytes)} of --max-size`;
  const config = parseImageConfig(await remote.store.blobs.readBytes(image.id));
  const lines = layerLines(config, sizes.length);
  const layers = sizes.map((size, i) => ({
    size,
    text: (lines[i] ?? '').replace(/\s+/g, ' ').slice(0, 100),
  }));
  return new LapidaryError('SIZE_EXCEEDED', message, {
    notes: [...largest('layers', layers), ...(await contentNotes(image, remote))],
    hint: 'without --max-size the image is made, and `lapidary size` tells more of it',
  });
}

/** Where its layers are all here. */
async function contentNotes(image: StoredImage, remote: RemoteAccess): Promise<string[]> {
  if (image.layers.some(({ layer }) => layer === undefined)) return [];
  const contents = await readImageContents(image, remote);
  const { wastedBytes, packages } = await sizeReport(contents, 0);
  const files = [...contents.filesystem.tree.walk()].flatMap(({ path, node }) =>
    node.inode.type === 'file' ? { size: node.inode.size, text: `/${path}` } : [],
  );
  const wasted = `${megabytes(wastedBytes)} are in files that later layers replace or delete`;
  return [
    ...largest('files', files),
    ...largest(
      'packages',
      packages.map(({ bytes, name }) => ({ size: bytes, text: name })),
    ),
    ...(wastedBytes > 0 ? [wasted] : []),
  ];
}

function largest(what: string, all: readonly { readonly size: number; readonly text: string }[]): string[] {
  const list = all.toSorted((a, b) => b.size - a.size).slice(0, NAMED);
  if (list.length === 0) return [];
  return [`the largest ${what}:`, ...list.map(({ size, text }) => `  ${megabytes(size).padEnd(9)} ${text}`)];
}

/** As sizes are given to --max-size. */
function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${Number((bytes / 1e3).toFixed(1))}kB` : `${Number((bytes / 1e6).toFixed(2))}MB`;
}

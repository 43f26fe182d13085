import type { DiffId } from '../oci/index.ts';
import { type DirectorySize, directorySizes } from './directory-sizes.ts';
import { type ImageContents, type LayerContents, layerLines } from './image-contents.ts';
import { type PackageSize, packageSizes } from './packages.ts';
import { type Duplicate, duplicateFiles, extra, type WastedFile, wastedFiles } from './wasted.ts';

export type LayerSize = {
  readonly diffId: DiffId;
  /** The history's line; empty where the history tells nothing of it. */
  readonly createdBy: string;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** Bytes of the blob, where one is known. */
  readonly compressed?: number;
  /** Bytes of files that a later layer replaces or deletes. */
  readonly wasted: number;
};

/** Where the bytes of an image are. */
export type SizeReport = {
  /** Bytes of all layers as uncompressed tars: what lists of images show. */
  readonly size: number;
  /** Bytes of all blobs, when that of every layer is known: what is transferred. */
  readonly compressed?: number;
  /** Base first. */
  readonly layers: readonly LayerSize[];
  /** The root, with all files as they are seen at last. */
  readonly directories: DirectorySize;
  /** The largest first; empty when the image tells of none. */
  readonly packages: readonly PackageSize[];
  /** The largest first. */
  readonly wasted: readonly WastedFile[];
  readonly duplicates: readonly Duplicate[];
  /** Sums of the two. */
  readonly wastedBytes: number;
  readonly duplicateBytes: number;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** @param depth how deep directories are told; 0 is the root alone */
export async function sizeReport(image: ImageContents, depth: number): Promise<SizeReport> {
  const { layers, config, filesystem } = image;
  const { tree } = filesystem;
  const lines = layerLines(config, layers.length);
  const wasted = wastedFiles(layers, tree);
  const duplicates = duplicateFiles(tree);
  const compressed = layers.map((layer) => layer.compressed);
  return {
    size: sum(layers.map(({ size }) => size)),
    ...(compressed.every((one) => one !== undefined) ? { compressed: sum(compressed) } : {}),
    layers: layers.map((layer, i) =>
      layerSize(
        layer,
        lines[i] ?? '',
        wasted.filter((file) => file.layer === i),
      ),
    ),
    directories: directorySizes(tree, depth),
    packages: await packageSizes(filesystem),
    wasted,
    duplicates,
    wastedBytes: sum(wasted.map(({ bytes }) => bytes)),
    duplicateBytes: sum(duplicates.map(extra)),
  };
}

function layerSize(
  { diffId, size, compressed }: LayerContents,
  createdBy: string,
  wasted: readonly WastedFile[],
): LayerSize {
  return {
    diffId,
    createdBy,
    size,
    ...(compressed === undefined ? {} : { compressed }),
    wasted: sum(wasted.map(({ bytes }) => bytes)),
  };
}

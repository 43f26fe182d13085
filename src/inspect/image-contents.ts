import type { Filesystem } from '../elf/index.ts';
import type { DiffId, Digest, ImageConfig, Platform } from '../oci/index.ts';
import type { Entry } from '../tree/index.ts';

/** A layer with all its entries. */
export type LayerContents = {
  readonly diffId: DiffId;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** Bytes of the blob, where it is known. */
  readonly compressed?: number;
  readonly entries: readonly Entry[];
};

/** An image whose layers have all been read. The nodes of `filesystem.tree` are those of the layers' entries. */
export type ImageContents = {
  readonly id: Digest;
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Base first. */
  readonly layers: readonly LayerContents[];
  readonly filesystem: Filesystem;
};

/** What made each layer, as the history tells: a line for every layer, empty where nothing is told. */
export function layerLines({ history = [] }: ImageConfig, layers: number): string[] {
  const lines = history.filter((entry) => entry.empty_layer !== true).map((entry) => entry.created_by ?? '');
  return Array.from({ length: layers }, (_, i) => lines[i] ?? '');
}

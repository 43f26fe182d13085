import { type Compression, type Descriptor, type DiffId, MEDIA } from '../oci/index.ts';
import type { BlobStore, ContentReader } from '../solve/index.ts';
import type { Layer } from '../tree/index.ts';
import { compressStream } from './gzip.ts';
import { Meter } from './metered.ts';
import { packLayer } from './pack-layer.ts';

/** A layer's uncompressed tar: its digest and its bytes. */
export type LayerMeasure = { readonly diffId: DiffId; readonly size: number };

/** Digest and size of the layer's canonical tar, which is kept nowhere. */
export async function measureLayer(
  layer: Layer,
  reader: ContentReader,
  signal?: AbortSignal,
): Promise<LayerMeasure> {
  const meter = new Meter();
  for await (const chunk of packLayer(layer.entries, reader)) {
    signal?.throwIfAborted();
    meter.update(chunk);
  }
  return { diffId: meter.digest() as DiffId, size: meter.size };
}

export type CompressOptions = {
  readonly blobs: BlobStore;
  readonly compression: Compression;
  readonly level?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/**
 * tar → diffID → compressor → blob store in one pass; memory is bounded by buffers, not by the layer.
 * gzip runs on all cores meanwhile. `descriptor` has an OCI media type. Aborting throws `signal.reason` and leaves no blob.
 */
export async function compressLayer(
  layerTar: AsyncIterable<Uint8Array>,
  { blobs, compression, level, signal }: CompressOptions,
): Promise<LayerMeasure & { readonly descriptor: Descriptor }> {
  const how = signal === undefined ? {} : { signal };
  if (compression === 'uncompressed') {
    const { digest, size } = await blobs.putStream(layerTar, how);
    return {
      diffId: digest as string as DiffId,
      size,
      descriptor: { mediaType: LAYER_TYPES[compression], digest, size },
    };
  }
  const meter = new Meter();
  const compressed = compressStream(meter.tap(layerTar), compression, { level });
  const stored = await blobs.putStream(compressed, how);
  const { digest, size } = stored;
  const descriptor = { mediaType: LAYER_TYPES[compression], digest, size };
  return { diffId: meter.digest() as DiffId, size: meter.size, descriptor };
}

/** The OCI media type of a layer, by how it is compressed. */
export const LAYER_TYPES: Readonly<Record<Compression, string>> = {
  gzip: MEDIA.ociLayerGzip,
  zstd: MEDIA.ociLayerZstd,
  uncompressed: MEDIA.ociLayer,
};

import { type ImportPorts, importLayer } from '../../src/context/image-archive-layers.ts';
import { layerCompression } from '../../src/oci/index.ts';
import type { StoredImage } from '../../src/solve/index.ts';
import type { Layer } from '../../src/tree/index.ts';

/** The layers of an image, base first; those that are only blobs of the store are read. */
export function readLayers({ layers }: StoredImage, store: ImportPorts): Promise<Layer[]> {
  return Promise.all(
    layers.map(async (stored) => {
      if (stored.layer !== undefined) return store.layers.read(stored.layer);
      const { blob, diffId } = stored;
      const compression = layerCompression(blob.mediaType);
      if (compression === undefined) throw new Error(`a layer of type ${blob.mediaType}`);
      const { layer } = await importLayer({ blob, compression, diffId }, store, undefined);
      return store.layers.read(layer);
    }),
  );
}

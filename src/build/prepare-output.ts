import type { StoredImage, StoredLayer } from '../solve/index.ts';
import type { LayerFetcher } from './layer-fetcher.ts';

/** The images with all of their layers that an output of this type reads, fetched where they are elsewhere. */
export function fetchForOutput(
  images: readonly StoredImage[],
  type: 'oci' | 'docker' | 'tar' | 'local',
  fetcher: LayerFetcher,
): Promise<StoredImage[]> {
  const fetch = async (layer: StoredLayer): Promise<StoredLayer> => {
    // A layout takes blobs as they are, a Docker archive the very tars that are in them
    if (layer.blob !== undefined && (type === 'oci' || type === 'docker'))
      await fetcher.ensureBlob(layer.blob);
    return type === 'oci' ? layer : fetcher.ensure(layer);
  };
  return Promise.all(
    images.map(async (image) => ({ ...image, layers: await Promise.all(image.layers.map(fetch)) })),
  );
}

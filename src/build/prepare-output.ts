import type { LayerCompression } from '../export/index.ts';
import { asDockerLayer } from '../oci/index.ts';
import type { StoredImage, StoredLayer } from '../solve/index.ts';
import type { LayerFetcher } from './layer-fetcher.ts';

export type OutputKind = LayerCompression & { readonly type: 'oci' | 'docker' | 'tar' | 'local' };

/** The images with all of their layers that an output of this kind reads, fetched where they are elsewhere. */
export function fetchForOutput(
  images: readonly StoredImage[],
  { type, ...encoding }: OutputKind,
  fetcher: LayerFetcher,
): Promise<StoredImage[]> {
  const fetch = async (layer: StoredLayer): Promise<StoredLayer> => {
    const asBlob = type === 'oci' && !isMadeAnew(layer, encoding);
    // A layout takes blobs as they are, a Docker archive the very tars that are in them
    if (layer.blob !== undefined && (asBlob || type === 'docker')) await fetcher.ensureBlob(layer.blob);
    return asBlob ? layer : fetcher.ensure(layer);
  };
  return eachLayer(images, fetch);
}

/** What is pushed goes as the blob that it is, which a registry may have: only what is compressed anew must be here. */
export function fetchForPush(
  images: readonly StoredImage[],
  encoding: LayerCompression,
  fetcher: LayerFetcher,
): Promise<StoredImage[]> {
  return eachLayer(images, async (layer) => (isMadeAnew(layer, encoding) ? fetcher.ensure(layer) : layer));
}

/** Whether a layer that has a blob gets another one all the same. */
export function isMadeAnew(
  { blob }: StoredLayer,
  { forceCompression = false, ociMediaTypes = true }: LayerCompression,
): boolean {
  if (blob === undefined) return false;
  return forceCompression || (!ociMediaTypes && asDockerLayer(blob) === undefined);
}

function eachLayer(
  images: readonly StoredImage[],
  work: (layer: StoredLayer) => Promise<StoredLayer>,
): Promise<StoredImage[]> {
  return Promise.all(
    images.map(async (image) => ({ ...image, layers: await Promise.all(image.layers.map(work)) })),
  );
}

import { type Digest, formatReference, type Platform, parseReference, withDefaultTag } from '../oci/index.ts';
import type { StoredImage } from '../solve/index.ts';
import type { RemoteAccess } from './remote-access.ts';
import { RemoteImages } from './remote-images.ts';

export type PulledImage = {
  /** Normalised. */
  readonly reference: string;
  readonly image: StoredImage;
  /** Of the index, or of the manifest where there is no index: what `REFERENCE@…` names. */
  readonly digest: Digest;
};

/** Brings an image and all its layers into the store; its tag moves last. */
export async function pullImage(
  { reference: name, platform }: { readonly reference: string; readonly platform: Platform },
  remote: RemoteAccess,
): Promise<PulledImage> {
  const reference = withDefaultTag(parseReference(name));
  const images = new RemoteImages(remote, 'always');
  const { image, root } = await images.find(name, reference, platform);
  const layers = await Promise.all(image.layers.map((layer) => remote.fetcher.ensure(layer)));
  const pulled = { ...image, layers };
  await images.tag(reference, pulled, root);
  return { reference: formatReference(reference), image: pulled, digest: root.descriptor.digest };
}

import { type PreflightFinding, preflight } from '../inspect/index.ts';
import { parseImageConfig } from '../oci/index.ts';
import { contentSource, type StoredImage } from '../solve/index.ts';
import type { Tree } from '../tree/index.ts';
import type { LocalStore } from './local-store.ts';

/** What would keep an image of the store from being started; `tree` is the merge of its layers. */
export async function lookAtImage(
  image: StoredImage,
  tree: Tree,
  { blobs, layers }: Pick<LocalStore, 'blobs' | 'layers'>,
): Promise<readonly PreflightFinding[]> {
  const { config = {} } = parseImageConfig(await blobs.readBytes(image.id));
  const filesystem = {
    tree,
    open: (file: Parameters<typeof contentSource>[0]) => contentSource(file, layers),
  };
  return preflight({ config, platform: image.platform, filesystem });
}

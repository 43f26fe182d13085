import type { Tree } from '../tree/index.ts';
import type { LayerStore } from './ports/index.ts';

/** Larger than any passwd or group file that means well. */
const MAX_TEXT = 8 * 1024 * 1024;

/** A small text file of an image, links followed inside the image; `undefined` when there is none. */
export async function readTextFile(
  tree: Tree,
  path: string,
  layers: LayerStore,
): Promise<string | undefined> {
  const inode = tree.resolve(path).node?.inode;
  if (inode?.type !== 'file' || inode.size > MAX_TEXT) return undefined;
  return new TextDecoder().decode(await layers.readContent(inode));
}

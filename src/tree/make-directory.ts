import { LapidaryError, quoted } from '../errors/index.ts';
import { LayerDraft, typeName } from './draft.ts';
import type { Entry } from './entry.ts';
import { cleanPath } from './path.ts';
import { finish } from './steps.ts';
import type { Tree } from './tree.ts';

export type DirectoryOptions = {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** Seconds since 1970. */
  readonly time: number;
};

/** The layer that makes a directory and all above it; empty when it is there. @throws LapidaryError NOT_A_DIRECTORY */
export function makeDirectory(base: Tree, path: string, options: DirectoryOptions): Entry[] {
  const { path: real, node } = base.resolve(cleanPath(path));
  if (node?.inode.type === 'dir') return [];
  if (node !== undefined) {
    throw new LapidaryError(
      'NOT_A_DIRECTORY',
      `${quoted(path)} is a ${typeName(node.inode)} in the image, not a directory`,
      {
        hint: 'choose another directory',
      },
    );
  }
  const { uid, gid, mode, time } = options;
  const layer = new LayerDraft(base, { uid, gid, mode, mtime: time, mtimeNs: 0 });
  layer.directory(real);
  return finish(layer.entries());
}

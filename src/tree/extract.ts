import { LapidaryError, quoted } from '../errors/index.ts';
import { LayerDraft, resolveBelow } from './draft.ts';
import type { Entry, Inode } from './entry.ts';
import { cleanPath } from './path.ts';
import { newDirectory, type PlaceOptions } from './place.ts';
import type { Tree } from './tree.ts';

/**
 * The layer that unpacking an archive into a directory makes over `base`. Members keep their own mode, owner and
 * time unless `chown` or `chmod` say otherwise. A member below a link, of the base or of the archive itself, goes
 * where that leads inside the root.
 *
 * @throws LapidaryError COPY_CONFLICT, NOT_A_DIRECTORY, TAR_INVALID for a hard link to nothing
 */
export function extractInto(base: Tree, members: readonly Entry[], options: PlaceOptions): Entry[] {
  const directory = base.resolve(cleanPath(options.destination)).path;
  const layer = new LayerDraft(base, newDirectory(options));
  layer.directory(directory);
  let view = base;
  const placed = new Map<string, Inode>();
  for (const member of members) {
    if (member.path === '' || member.kind === 'whiteout' || member.kind === 'opaque') continue;
    const inode = member.kind === 'node' ? changed(member.node, options) : placed.get(member.target);
    if (inode === undefined) {
      const target = member.kind === 'hardlink' ? member.target : '';
      throw new LapidaryError(
        'TAR_INVALID',
        `the hard link ${quoted(member.path)} names ${quoted(target)}, which the archive does not hold before it`,
      );
    }
    placed.set(member.path, inode);
    const path = resolveBelow(view, directory, member.path, inode.type === 'dir');
    layer.put(path, inode);
    // What is put as a link decides where later members go
    if (inode.type === 'symlink') view = view.apply([{ kind: 'node', path, node: inode }]);
  }
  return layer.entries();
}

function changed(inode: Inode, { chown, chmod }: PlaceOptions): Inode {
  if (chown === undefined && chmod === undefined) return inode;
  const mode =
    chmod === undefined || inode.type === 'symlink'
      ? inode.mode
      : typeof chmod === 'number'
        ? chmod
        : chmod(inode.mode, inode.type === 'dir');
  return { ...inode, ...chown, mode };
}

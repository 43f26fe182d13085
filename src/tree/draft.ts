import { LapidaryError, quoted } from '../errors/index.ts';
import type { DirNode, Entry, Inode } from './entry.ts';
import { comparePaths } from './order.ts';
import { parentsOf } from './path.ts';
import { mapSteps, type Steps, sortSteps } from './steps.ts';
import type { Tree } from './tree.ts';

export type NewDirectory = Omit<DirNode, 'type'>;

/**
 * A layer in the making over a base: collects what is put where, and repeats the directories above everything it
 * holds with the base's own metadata, so that the layer stands alone.
 */
export class LayerDraft {
  readonly #base: Tree;
  readonly #fresh: NewDirectory;
  readonly #placed = new Map<string, Inode>();
  /** The directory in which something was put last: all above it is there. */
  #above: string | undefined;

  /** `fresh` is the metadata of directories that have to be made on the way. */
  constructor(base: Tree, fresh: NewDirectory) {
    this.#base = base;
    this.#fresh = fresh;
  }

  /** What stands at a resolved path by now. */
  at(path: string): Inode | undefined {
    return this.#placed.get(path) ?? this.#base.get(path)?.inode;
  }

  /**
   * Puts an inode at a resolved path; what was put there before is forgotten.
   * @throws LapidaryError COPY_CONFLICT when one of old and new is a directory and the other is not
   */
  put(path: string, inode: Inode): void {
    const old = this.at(path);
    if (old !== undefined && (old.type === 'dir') !== (inode.type === 'dir'))
      throw conflict(path, old, inode);
    this.#keepAbove(path);
    this.#placed.set(path, inode);
  }

  /** The same, but a directory gives way to a file with all that is in it, and a file to a directory. */
  replace(path: string, inode: Inode): void {
    const old = this.#placed.get(path);
    if (old?.type === 'dir' && inode.type !== 'dir') {
      for (const below of this.#placed.keys()) if (below.startsWith(`${path}/`)) this.#placed.delete(below);
      this.#above = undefined;
    }
    this.#keepAbove(path);
    this.#placed.set(path, inode);
  }

  /** A directory that must exist: what the base has is kept as it is. */
  directory(path: string): void {
    this.#keepAbove(path);
    this.#keep(path);
  }

  /**
   * In canonical order. Of the paths at which the same object (not a directory) ended up, the first is the node and the
   * others are hard links to it.
   */
  *entries(): Steps<Entry[]> {
    const first = new Map<Inode, string>();
    const placed = yield* sortSteps([...this.#placed], ([a], [b]) => comparePaths(a, b));
    return yield* mapSteps(placed, ([path, node]): Entry => {
      const target = node.type === 'dir' ? undefined : first.get(node);
      if (target !== undefined) return { kind: 'hardlink', path, target };
      first.set(node, path);
      return { kind: 'node', path, node };
    });
  }

  #keepAbove(path: string): void {
    const above = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (above === this.#above) return;
    for (const parent of parentsOf(path)) this.#keep(parent);
    this.#above = above;
  }

  #keep(path: string): void {
    if (path === '' || this.#placed.get(path)?.type === 'dir') return;
    const inode = this.at(path) ?? { type: 'dir', ...this.#fresh };
    if (inode.type !== 'dir') throw notDirectory(path, inode);
    this.#placed.set(path, inode);
  }
}

function conflict(path: string, old: Inode, inode: Inode): LapidaryError {
  const behind = old.type === 'symlink' ? `copy into what the link leads to, ${quoted(old.target)}, or ` : '';
  return new LapidaryError(
    'COPY_CONFLICT',
    `a ${typeName(inode)} cannot replace the ${typeName(old)} ${quoted(`/${path}`)}`,
    { hint: `${behind}choose another destination, or remove the old one first` },
  );
}

function notDirectory(path: string, inode: Inode): LapidaryError {
  return new LapidaryError(
    'NOT_A_DIRECTORY',
    `${quoted(`/${path}`)} is a ${typeName(inode)} in the image, not a directory`,
    { hint: 'choose another destination' },
  );
}

export function typeName(inode: Inode): string {
  const names = {
    file: 'file',
    dir: 'directory',
    symlink: 'symbolic link',
    char: 'device',
    block: 'device',
    fifo: 'pipe',
  };
  return names[inode.type];
}

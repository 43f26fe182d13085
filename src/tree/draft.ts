import { LapidaryError, quoted } from '../errors/index.ts';
import type { DirNode, Entry, Inode } from './entry.ts';
import { compareEntries } from './order.ts';
import { joinPath, parentsOf } from './path.ts';
import type { Tree } from './tree.ts';

export type NewDirectory = Omit<DirNode, 'type'>;

/**
 * A layer in the making over a base: collects what is put where, and repeats the directories above everything it
 * holds with the base's own metadata, so that the layer stands alone.
 */
export class LayerDraft {
  readonly #base: Tree;
  readonly #fresh: NewDirectory;
  readonly #entries = new Map<string, Entry>();
  readonly #removed = new Map<string, Entry>();
  readonly #first = new Map<Inode, string>();

  /** `fresh` is the metadata of directories that have to be made on the way. */
  constructor(base: Tree, fresh: NewDirectory) {
    this.#base = base;
    this.#fresh = fresh;
  }

  /** Puts an inode at a resolved path. The same object a second time becomes a hard link to the first. */
  put(path: string, inode: Inode): void {
    this.#parents(path);
    const first = inode.type === 'dir' ? undefined : this.#first.get(inode);
    this.#refuseMix(path, inode);
    if (first !== undefined && first !== path)
      this.#entries.set(path, { kind: 'hardlink', path, target: first });
    else {
      this.#first.set(inode, path);
      this.#entries.set(path, { kind: 'node', path, node: inode });
    }
  }

  /** A directory that must exist: what the base has is kept as it is. */
  directory(path: string): void {
    this.#parents(path);
    if (path !== '' && !this.#entries.has(path)) this.#entries.set(path, this.#kept(path));
  }

  entries(): Entry[] {
    return [...this.#removed.values(), ...this.#entries.values()].sort(compareEntries);
  }

  /** Whether something of this layer is at a path, and what. */
  at(path: string): Inode | undefined {
    const entry = this.#entries.get(path);
    return entry?.kind === 'node' ? entry.node : undefined;
  }

  #parents(path: string): void {
    for (const parent of parentsOf(path)) {
      if (parent !== '' && !this.#entries.has(parent)) this.#entries.set(parent, this.#kept(parent));
    }
  }

  #kept(path: string): Entry {
    const inode = this.#base.get(path)?.inode;
    if (inode === undefined) return { kind: 'node', path, node: { type: 'dir', ...this.#fresh } };
    if (inode.type === 'dir') return { kind: 'node', path, node: inode };
    throw new LapidaryError(
      'NOT_A_DIRECTORY',
      `${quoted(`/${path}`)} is a ${typeName(inode)} in the image, not a directory`,
      {
        hint: 'choose another destination',
      },
    );
  }

  #refuseMix(path: string, inode: Inode): void {
    const old = this.at(path) ?? this.#base.get(path)?.inode;
    if (old === undefined || (old.type === 'dir') === (inode.type === 'dir')) return;
    throw new LapidaryError(
      'COPY_CONFLICT',
      `a ${typeName(inode)} cannot replace the ${typeName(old)} ${quoted(`/${path}`)}`,
      { hint: 'choose another destination, or remove the old one first' },
    );
  }
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

/** Where a path below a directory really is, links of the base followed, never outside of the root. */
export function resolveBelow(base: Tree, directory: string, relative: string, follow = false): string {
  return base.resolve(joinPath(directory, relative), { follow }).path;
}

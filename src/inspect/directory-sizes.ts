import type { FileNode, Tree } from '../tree/index.ts';

/** A directory with all that is below it. A file with several names counts where it is met first. */
export type DirectorySize = {
  /** Absolute. */
  readonly path: string;
  /** Contents of files. */
  readonly bytes: number;
  readonly files: number;
  /** The largest first; empty at the depth that was asked for. */
  readonly directories: readonly DirectorySize[];
};

type Growing = { path: string; bytes: number; files: number; directories: Growing[] };

/** The directories of a tree down to a depth; 0 is the root alone. */
export function directorySizes(tree: Tree, depth: number): DirectorySize {
  const root: Growing = { path: '/', bytes: 0, files: 0, directories: [] };
  const known = new Map<string, Growing>([['', root]]);
  const seen = new Set<FileNode>();
  for (const { path, node } of tree.walk()) {
    const { inode } = node;
    if (inode.type === 'dir') open(known, path, depth);
    if (inode.type !== 'file' || seen.has(inode)) continue;
    seen.add(inode);
    for (const directory of [root, ...above(known, path, depth)]) {
      directory.bytes += inode.size;
      directory.files += 1;
    }
  }
  sort(root);
  return root;
}

function open(known: Map<string, Growing>, path: string, depth: number): void {
  if (path === '' || path.split('/').length > depth) return;
  const one: Growing = { path: `/${path}`, bytes: 0, files: 0, directories: [] };
  known.get(path.slice(0, Math.max(0, path.lastIndexOf('/'))))?.directories.push(one);
  known.set(path, one);
}

function above(known: ReadonlyMap<string, Growing>, path: string, depth: number): Growing[] {
  const names = path.split('/').slice(0, -1);
  return names.slice(0, depth).flatMap((_, i) => known.get(names.slice(0, i + 1).join('/')) ?? []);
}

function sort({ directories }: Growing): void {
  directories.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
  for (const one of directories) sort(one);
}

import type { Entry, Inode } from './entry.ts';
import type { Tree } from './tree.ts';

/** Bytes of the files of a layer; a hard link adds nothing. */
export function layerSize(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'node' ? sizeOf(entry.node) : 0), 0);
}

/** Bytes of all files of a tree, each hard link group once. */
export function treeSize(tree: Tree): number {
  const seen = new Set<Inode>();
  for (const { node } of tree.walk()) seen.add(node.inode);
  return [...seen].reduce((sum, inode) => sum + sizeOf(inode), 0);
}

const sizeOf = (inode: Inode): number => (inode.type === 'file' ? inode.size : 0);

/** The same layer with no time later than the epoch (seconds since 1970). */
export function clampTimes(entries: readonly Entry[], epoch: number): Entry[] {
  const late = ({ mtime, mtimeNs }: Inode): boolean => mtime > epoch || (mtime === epoch && mtimeNs > 0);
  return entries.map((entry) =>
    entry.kind === 'node' && late(entry.node)
      ? { ...entry, node: { ...entry.node, mtime: epoch, mtimeNs: 0 } }
      : entry,
  );
}

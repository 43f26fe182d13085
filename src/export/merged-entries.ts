import { type Entry, type Inode, type Layer, Tree } from '../tree/index.ts';

/**
 * The filesystem that layers make, base first, as entries of a single layer: nodes and hard links in canonical order. The
 * root's own entry is there when a layer has it.
 */
export function mergedEntries(layers: readonly Layer[]): readonly Entry[] {
  const tree = Tree.of(layers.map(({ entries }) => entries));
  const first = new Map<Inode, string>();
  const merged: Entry[] = [];
  for (const { path, node } of tree.walk()) {
    const { inode } = node;
    if (inode === Tree.empty.root.inode) continue;
    const target = inode.type === 'dir' ? undefined : first.get(inode);
    if (target === undefined) merged.push({ kind: 'node', path, node: inode });
    else merged.push({ kind: 'hardlink', path, target });
    first.set(inode, target ?? path);
  }
  return merged;
}

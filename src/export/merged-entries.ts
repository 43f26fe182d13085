import { type Entry, eachStep, type Inode, type Layer, type Steps, Tree } from '../tree/index.ts';

/**
 * The filesystem that layers make, base first, as entries of a single layer: nodes and hard links in canonical order. The
 * root's own entry is there when a layer has it.
 */
export function* mergedEntries(layers: readonly Layer[]): Steps<readonly Entry[]> {
  let tree = Tree.empty;
  for (const { entries } of layers) tree = yield* tree.applySteps(entries);
  const first = new Map<Inode, string>();
  const merged: Entry[] = [];
  yield* eachStep(tree.walk(), ({ path, node: { inode } }) => {
    if (inode === Tree.empty.root.inode) return;
    const target = inode.type === 'dir' ? undefined : first.get(inode);
    if (target === undefined) merged.push({ kind: 'node', path, node: inode });
    else merged.push({ kind: 'hardlink', path, target });
    first.set(inode, target ?? path);
  });
  return merged;
}

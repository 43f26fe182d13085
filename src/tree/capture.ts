import type { Entry, Inode } from './entry.ts';
import { comparePaths } from './order.ts';
import { eachStep, type Steps, sortSteps } from './steps.ts';
import type { Tree } from './tree.ts';

/**
 * The layer that makes `after` out of `before`, when only `paths` differ: what stands there now, hard links to the
 * first name of a file, whiteouts for what is gone. Several changes made one after the other become one layer.
 */
export function* captureEntries(before: Tree, after: Tree, paths: Iterable<string>): Steps<Entry[]> {
  const first = new Map<Inode, string>();
  const entries: Entry[] = [];
  yield* eachStep(yield* sortSteps([...new Set(paths)], comparePaths), (path) => {
    const node = after.get(path);
    if (node === undefined) {
      if (before.get(path) !== undefined && isBelowDirectory(after, path))
        entries.push({ kind: 'whiteout', path });
      return;
    }
    const target = node.inode.type === 'dir' ? undefined : first.get(node.inode);
    if (target !== undefined) entries.push({ kind: 'hardlink', path, target });
    else {
      first.set(node.inode, path);
      entries.push({ kind: 'node', path, node: node.inode });
    }
  });
  return entries;
}

/** What replaced a directory hides its contents without a word. */
function isBelowDirectory(tree: Tree, path: string): boolean {
  const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
  return tree.get(parent)?.inode.type === 'dir';
}

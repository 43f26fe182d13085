import type { Entry, Inode } from './entry.ts';
import { compareEntries, compareNames } from './order.ts';
import { joinPath } from './path.ts';
import type { Tree, TreeNode } from './tree.ts';

/** The layer that makes `after` out of `before`. Times count. */
export function diffTrees(before: Tree, after: Tree): Entry[] {
  const entries: Entry[] = [];
  const links = new Map<Inode, string>();
  compare(before.root, after.root, '', { entries, links });
  return entries.sort(compareEntries);
}

type Out = { readonly entries: Entry[]; readonly links: Map<Inode, string> };

function compare(before: TreeNode | undefined, after: TreeNode, path: string, out: Out): void {
  if (before?.inode !== after.inode) emit(path, after.inode, out);
  const old = before?.children;
  for (const name of [...(after.children?.keys() ?? [])].sort(compareNames)) {
    const child = after.children?.get(name);
    if (child === undefined) continue;
    const was = old?.get(name);
    if (was !== child) compare(was, child, joinPath(path, name), out);
  }
  if (after.children === undefined) return;
  for (const name of old?.keys() ?? []) {
    if (!after.children.has(name)) out.entries.push({ kind: 'whiteout', path: joinPath(path, name) });
  }
}

function emit(path: string, inode: Inode, { entries, links }: Out): void {
  const first = inode.type === 'dir' ? undefined : links.get(inode);
  if (first === undefined) {
    links.set(inode, path);
    entries.push({ kind: 'node', path, node: inode });
  } else entries.push({ kind: 'hardlink', path, target: first });
}

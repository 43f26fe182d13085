import type { Inode, Tree, TreeNode } from '../tree/index.ts';

/** What of a path is not the same. Times are not compared: they differ in builds that are alike. */
export type Difference = 'type' | 'contents' | 'mode' | 'owner' | 'target' | 'attributes' | 'device';

export type PathChange =
  | {
      readonly change: 'added' | 'removed';
      readonly path: string;
      readonly type: Inode['type'];
      readonly bytes: number;
    }
  | {
      readonly change: 'changed';
      readonly path: string;
      readonly type: Inode['type'];
      /** Bytes after and before. */
      readonly bytes: number;
      readonly before: number;
      readonly what: readonly Difference[];
      /** As texts, for what they say more than their name: `0644`, `0:0`. */
      readonly details: Readonly<Record<string, readonly [before: string, after: string]>>;
    };

/** Every path that is not the same in two trees, in their order. A directory that comes or goes is told with all below. */
export function compareTrees(before: Tree, after: Tree): PathChange[] {
  const changes: PathChange[] = [];
  const todo: { path: string; old: TreeNode | undefined; node: TreeNode | undefined }[] = [
    { path: '', old: before.root, node: after.root },
  ];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { path, old, node } = next;
    if (old === node) continue;
    changes.push(...changesAt(`/${path}`, old?.inode, node?.inode));
    const names = new Set([...(old?.children?.keys() ?? []), ...(node?.children?.keys() ?? [])]);
    for (const name of [...names].sort().reverse()) {
      const below = path === '' ? name : `${path}/${name}`;
      todo.push({ path: below, old: old?.children?.get(name), node: node?.children?.get(name) });
    }
  }
  return changes;
}

const bytesOf = (inode: Inode | undefined): number => (inode?.type === 'file' ? inode.size : 0);

function changesAt(path: string, old: Inode | undefined, node: Inode | undefined): PathChange[] {
  if (old === undefined)
    return node === undefined ? [] : [{ change: 'added', path, type: node.type, bytes: bytesOf(node) }];
  if (node === undefined) return [{ change: 'removed', path, type: old.type, bytes: bytesOf(old) }];
  const texts = [factsOf(old), factsOf(node)] as const;
  const what = DIFFERENCES.filter((one) => texts[0][one] !== texts[1][one]);
  // Of another type everything else is another as well
  const told = what.includes('type') ? (['type'] as const) : what;
  if (told.length === 0) return [];
  const details = Object.fromEntries(
    told
      .filter((one) => one !== 'contents' && one !== 'attributes')
      .map((one) => [one, [texts[0][one], texts[1][one]] as const]),
  );
  return [
    {
      change: 'changed',
      path,
      type: node.type,
      bytes: bytesOf(node),
      before: bytesOf(old),
      what: told,
      details,
    },
  ];
}

const DIFFERENCES = ['type', 'contents', 'mode', 'owner', 'target', 'attributes', 'device'] as const;

function factsOf(inode: Inode): Readonly<Record<Difference, string>> {
  const attributes = [...(inode.xattrs ?? [])].map(([name, value]) => [
    name,
    Buffer.from(value).toString('hex'),
  ]);
  return {
    type: inode.type,
    contents: inode.type === 'file' ? `${inode.size} ${inode.digest}` : '',
    // Every link has all rights
    mode: inode.type === 'symlink' ? '' : inode.mode.toString(8).padStart(4, '0'),
    owner: `${inode.uid}:${inode.gid}`,
    target: inode.type === 'symlink' ? inode.target : '',
    attributes: JSON.stringify(attributes),
    device: inode.type === 'char' || inode.type === 'block' ? `${inode.major}:${inode.minor}` : '',
  };
}

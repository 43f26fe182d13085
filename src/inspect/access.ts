import { dirname } from 'node:path/posix';
import type { Credentials, Inode, Tree } from '../tree/index.ts';

/** Who starts the program; `undefined` when the image does not say who that is. */
export type User = Pick<Credentials, 'uid' | 'gid' | 'groups'> | undefined;

const BITS = { read: 4, execute: 1 } as const;

/**
 * Whether the permissions of a node let a user read or execute (of a directory: pass) it. Root passes everything, and
 * executes what anybody may execute.
 */
export function mayUse(inode: Inode, user: User, how: keyof typeof BITS): boolean {
  // What access control lists say is not known
  if (user === undefined || inode.xattrs?.has('system.posix_acl_access')) return true;
  const bit = BITS[how];
  if (user.uid === 0) return how === 'read' || inode.type !== 'file' || (inode.mode & 0o111) !== 0;
  if (inode.uid === user.uid) return (inode.mode & (bit << 6)) !== 0;
  const isGroup = inode.gid === user.gid || user.groups.includes(inode.gid);
  return (inode.mode & (isGroup ? bit << 3 : bit)) !== 0;
}

/** The first directory on the way to a place that a user may not pass: relative and clean, `''` is the root. */
export function barrier(
  tree: Tree,
  { path, links }: { readonly path: string; readonly links: readonly string[] },
  user: User,
): string | undefined {
  for (const place of [...links, path]) {
    const above: string[] = [];
    for (let at = place; at !== ''; ) {
      at = parentOf(at);
      above.unshift(at);
    }
    const closed = above.find((directory) => {
      const inode = tree.get(directory)?.inode;
      return inode !== undefined && !mayUse(inode, user, 'execute');
    });
    if (closed !== undefined) return closed;
  }
  return undefined;
}

function parentOf(path: string): string {
  const parent = dirname(path);
  return parent === '.' ? '' : parent;
}

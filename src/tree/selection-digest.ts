import { type Digest, sha256 } from '../oci/index.ts';
import type { Inode } from './entry.ts';
import type { Selection } from './selection.ts';

/**
 * Digest over everything that decides what a copy makes: names, types, modes, owners, contents, links, devices,
 * extended attributes. No times, and not where the sources stood. @throws Error when a file has no digest
 */
export function selectionDigest(selection: Selection): Digest {
  const groups = new Map<Inode, number>();
  const rows = selection.items.map((item) => {
    if (item.kind === 'node') return ['node', item.name, inodeRow(item.inode, groups)];
    const nodes = item.nodes.map(({ path, inode, implied = false }) => [
      path,
      inodeRow(inode, groups),
      ...(implied ? ['implied'] : []),
    ]);
    return ['contents', ...nodes];
  });
  return sha256(JSON.stringify(rows));
}

function inodeRow(inode: Inode, groups: Map<Inode, number>): unknown {
  const link = groups.get(inode);
  if (link !== undefined) return ['again', link];
  if (inode.type !== 'dir') groups.set(inode, groups.size);
  const { type, mode, uid, gid, xattrs } = inode;
  const attributes = [...(xattrs ?? [])].map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  return [type, mode, uid, gid, attributes, detailOf(inode)];
}

function detailOf(inode: Inode): unknown {
  switch (inode.type) {
    case 'file':
      if (inode.digest === undefined) throw new Error('a selected file has no digest');
      return inode.digest;
    case 'symlink':
      return inode.target;
    case 'char':
    case 'block':
      return [inode.major, inode.minor];
    case 'dir':
    case 'fifo':
      return null;
  }
}

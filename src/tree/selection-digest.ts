import { createHash } from 'node:crypto';
import type { Digest } from '../oci/index.ts';
import type { Inode } from './entry.ts';
import type { SelectedNode, Selection } from './selection.ts';
import { type Steps, sliceSteps } from './steps.ts';

/**
 * Digest over everything that decides what a copy makes: names, types, modes, owners, contents, links, devices,
 * extended attributes. No times, and not where the sources stood. @throws Error when a file has no digest
 */
export function* selectionDigest({ items }: Selection): Steps<Digest> {
  const groups = new Map<Inode, number>();
  const hash = createHash('sha256').update('[');
  let count = 0;
  for (const item of items) {
    if (count > 0) hash.update(',');
    if (++count % 256 === 0) yield;
    if (item.kind === 'node') hash.update(JSON.stringify(['node', item.name, inodeRow(item.inode, groups)]));
    else {
      hash.update('["contents"');
      yield* sliceSteps(item.nodes, (nodes) => {
        hash.update(nodes.map((node) => `,${nodeText(node, groups)}`).join(''));
      });
      hash.update(']');
    }
  }
  return `sha256:${hash.update(']').digest('hex')}` as Digest;
}

function nodeText({ path, inode, implied = false }: SelectedNode, groups: Map<Inode, number>): string {
  return JSON.stringify([path, inodeRow(inode, groups), ...(implied ? ['implied'] : [])]);
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

import { type Digest, sha256 } from '../oci/index.ts';
import type { DirNode, Entry, FileNode, Inode, LayerId, Metadata, SymlinkNode } from './entry.ts';
import { tabulate } from './layer-table.ts';
import { sortEntries } from './order.ts';
import { finish } from './steps.ts';
import type { Tree } from './tree.ts';

/** Builders of entries and a readable form of trees, for tests. */

const metadata: Metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

export function fileNode(text: string, more: Partial<Metadata> = {}): FileNode {
  const bytes = new TextEncoder().encode(text);
  const digest: Digest = sha256(bytes);
  return {
    type: 'file',
    ...metadata,
    ...more,
    size: bytes.length,
    digest,
    content: { kind: 'bytes', bytes },
  };
}

export function dirNode(more: Partial<Metadata> = {}): DirNode {
  return { type: 'dir', ...metadata, mode: 0o755, ...more };
}

export function linkNode(target: string): SymlinkNode {
  return { type: 'symlink', ...metadata, mode: 0o777, target };
}

/**
 * Entries from short lines: `path/` a directory, `path` a file holding its own path, `path=text` a file, `path -> x`
 * a symbolic link, `path => x` a hard link, `!path` a whiteout, `path/!` an opaque directory.
 */
export function entries(...lines: readonly string[]): Entry[] {
  return lines.map((line): Entry => {
    const [path = '', target = ''] = line.split(/ -> | => |=(?!>)/);
    if (line.startsWith('!')) return { kind: 'whiteout', path: line.slice(1) };
    if (line.endsWith('/!')) return { kind: 'opaque', path: line.slice(0, -2) };
    if (line.includes(' => ')) return { kind: 'hardlink', path, target };
    if (line.includes(' -> ')) return { kind: 'node', path, node: linkNode(target) };
    if (line.endsWith('/')) return { kind: 'node', path: line.slice(0, -1), node: dirNode() };
    return { kind: 'node', path, node: fileNode(line.includes('=') ? target : path) };
  });
}

/** The ID of a layer with these entries, in any order. */
export function layerId(all: readonly Entry[]): LayerId {
  return finish(tabulate(finish(sortEntries(all)))).id;
}

/** The same form, for what a tree holds; the root is left out. */
export function listing(tree: Tree): string[] {
  const lines: string[] = [];
  for (const { path, node } of tree.walk()) if (path !== '') lines.push(lineOf(path, node.inode));
  return lines;
}

/** What a layer's entries say, in order, with mode and owner where they are not 644/755 and 0:0. */
export function summary(layer: readonly Entry[]): string[] {
  return layer.map((entry) => {
    switch (entry.kind) {
      case 'whiteout':
        return `!${entry.path}`;
      case 'opaque':
        return `${entry.path}/!`;
      case 'hardlink':
        return `${entry.path} => ${entry.target}`;
      case 'node':
        return `${lineOf(entry.path, entry.node)}${unusual(entry.node)}`;
    }
  });
}

function lineOf(path: string, inode: Inode): string {
  switch (inode.type) {
    case 'dir':
      return `${path}/`;
    case 'symlink':
      return `${path} -> ${inode.target}`;
    case 'file': {
      const text = inode.content.kind === 'bytes' ? new TextDecoder().decode(inode.content.bytes) : '?';
      return text === path ? path : `${path}=${text}`;
    }
    default:
      return `${path} (${inode.type})`;
  }
}

function unusual({ type, mode, uid, gid }: Inode): string {
  const usual = type === 'dir' ? 0o755 : type === 'symlink' ? 0o777 : 0o644;
  const owner = uid === 0 && gid === 0 ? '' : ` ${uid}:${gid}`;
  return `${mode === usual ? '' : ` ${mode.toString(8)}`}${owner}`;
}

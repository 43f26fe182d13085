import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../src/oci/index.ts';
import type { Entry } from '../../src/tree/index.ts';

/** One line per path: all that an image says of it. Names of one file have one number. */
export function expectedLines(entries: readonly Entry[]): string[] {
  const nodes = new Map(
    entries.flatMap((entry) => (entry.kind === 'node' ? [[entry.path, entry.node] as const] : [])),
  );
  return entries
    .map((entry) => {
      const inode = entry.kind === 'hardlink' ? nodes.get(entry.target) : nodes.get(entry.path);
      if (inode === undefined) throw new Error(`nothing at ${entry.path}`);
      const { type, mode, uid, gid, mtime } = inode;
      const bytes = inode.type === 'file' && inode.content.kind === 'bytes' ? inode.content.bytes : undefined;
      const names =
        entries.filter((other) => other.kind === 'hardlink' && other.target === entry.path).length + 1;
      const more = bytes
        ? `${sha256(bytes)} ${entry.kind === 'hardlink' ? 2 : names}`
        : inode.type === 'symlink'
          ? inode.target
          : '';
      return `${entry.path} ${type} ${type === 'symlink' ? '' : mode.toString(8)} ${uid}:${gid} ${mtime} ${more}`;
    })
    .sort();
}

/** The same of a directory on the host, unsorted. */
export function foundLines(root: string, path = ''): string[] {
  return readdirSync(join(root, path)).flatMap((name) => {
    const inner = path === '' ? name : `${path}/${name}`;
    const found = lstatSync(join(root, inner));
    const type = found.isDirectory()
      ? 'dir'
      : found.isSymbolicLink()
        ? 'symlink'
        : found.isFile()
          ? 'file'
          : 'char';
    const more = found.isFile()
      ? `${sha256(readFileSync(join(root, inner)))} ${found.nlink}`
      : found.isSymbolicLink()
        ? readlinkSync(join(root, inner))
        : '';
    const mode = type === 'symlink' ? '' : (found.mode & 0o7777).toString(8);
    const line = `${inner} ${type} ${mode} ${found.uid}:${found.gid} ${Math.floor(found.mtimeMs / 1000)} ${more}`;
    return [line, ...(found.isDirectory() ? foundLines(root, inner) : [])];
  });
}

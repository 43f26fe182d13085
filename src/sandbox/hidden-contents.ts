import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync, renameSync, writeSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import { markUnsettled } from '../host/index.ts';
import type { StorePaths } from '../solve/index.ts';
import type { Entry, FileNode } from '../tree/index.ts';
import { hidesContents, isHidden } from './hidden.ts';
import { ancestorsOf, below, hostPath } from './host-path.ts';
import { tryStat } from './inode.ts';

/*
 * A user who is not root builds in a user namespace and reads what was made there from outside of it, where root of the
 * namespace is he himself and everybody else a stranger. Contents that he may not read where they are get a second
 * place, in a pack.
 */

const WINDOW = 1 << 20;
/** What a tree looks like while it is made: the owner of the store is root in here. */
type Place = {
  readonly paths: StorePaths;
  /** Of the tree, on the host. */
  readonly tree: string;
  /** On the store's filesystem, the caller's own. */
  readonly scratch: string;
};

/** The same entries; contents of files that the owner of the store cannot reach are read from a pack. */
export function packHidden(entries: readonly Entry[], place: Place): readonly Entry[] {
  const closed = new Map<string, boolean>();
  const hidden = new Map<string, FileNode>();
  for (const { kind, path, ...rest } of entries) {
    if (kind !== 'node' || !('node' in rest) || rest.node.type !== 'file' || rest.node.size === 0) continue;
    const { node } = rest;
    if (isHidden(node) || ancestorsOf(path).some((directory) => isClosed(directory, place.tree, closed)))
      hidden.set(path, node);
  }
  if (hidden.size === 0) return entries;
  const { pack, offsets } = writePack(hidden, place);
  return entries.map((entry) => {
    const offset = offsets.get(entry.path);
    if (entry.kind !== 'node' || entry.node.type !== 'file' || offset === undefined) return entry;
    return { ...entry, node: { ...entry.node, content: { kind: 'pack', pack, offset } } };
  });
}

function isClosed(directory: string, tree: string, known: Map<string, boolean>): boolean {
  const found = known.get(directory);
  if (found !== undefined) return found;
  const stat = tryStat(below(tree, directory));
  const closed = stat === undefined || hidesContents({ uid: Number(stat.uid), mode: Number(stat.mode) });
  known.set(directory, closed);
  return closed;
}

function writePack(
  files: ReadonlyMap<string, FileNode>,
  { paths, tree, scratch }: Place,
): { readonly pack: string; readonly offsets: ReadonlyMap<string, number> } {
  const name = createHash('sha256');
  const offsets = new Map<string, number>();
  const temporary = `${scratch}/hidden`;
  const target = openSync(temporary, 'w', 0o600);
  let size = 0;
  try {
    for (const [path, node] of files) {
      offsets.set(path, size);
      size += appendFile(target, below(tree, path), node);
      name.update(`${node.digest} ${node.size}\n`);
    }
  } finally {
    closeSync(target);
  }
  const pack = `hidden-${name.digest('hex')}`;
  markUnsettled(paths.unsettled, { kind: 'pack', name: pack });
  renameSync(temporary, `${paths.packs}/${pack}`);
  return { pack, offsets };
}

function appendFile(target: number, path: string, { size }: FileNode): number {
  const buffer = Buffer.allocUnsafe(Math.min(WINDOW, size));
  const source = openSync(hostPath(path), constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    let done = 0;
    for (let count = readSync(source, buffer); count > 0; count = readSync(source, buffer)) {
      for (let at = 0; at < count; ) at += writeSync(target, buffer, at, count - at);
      done += count;
    }
    if (done === size) return done;
    throw new LapidaryError('STORE_FAILED', `${quoted(path)} changed while it was kept`);
  } finally {
    closeSync(source);
  }
}

import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BulkObject, clearDoubts, doubtfulObjects } from '../host/index.ts';
import type { StorePaths } from '../solve/index.ts';
import { encodePathText } from '../tar/index.ts';
import { type ContentRef, decodeLayer, type FileNode, finish, type Layer } from '../tree/index.ts';
import { discardTree } from './remove-tree.ts';

type Paths = StorePaths & { readonly blobs: string };

const WINDOW = 1 << 20;

/**
 * After a power cut files may be there without the bytes that were written last. What is in doubt (see
 * `markUnsettled`) is compared with its digests; what is damaged is removed with the tables of the layers that need it, so
 * that it counts as never made. Does nothing but one look at a directory unless the machine was started anew.
 */
export function removeDamaged(paths: Paths): void {
  const doubtful = doubtfulObjects(paths.unsettled);
  if (doubtful.length === 0) return;
  for (const { kind, name } of doubtful)
    if (kind === 'blob') removeDamagedBlob(join(paths.blobs, name), name);
  const places = doubtful.filter(({ kind }) => kind !== 'blob');
  const needed = new Set<BulkObject>();
  for (const table of places.length === 0 ? [] : readdirSync(paths.layers)) {
    const uses = usesOf(join(paths.layers, table), places);
    for (const use of uses) needed.add(use);
    if (uses.length > 0 && !isWhole(join(paths.layers, table), paths)) rmSync(join(paths.layers, table));
  }
  // An unpacked form of what a pack has as well: no digests to compare it with, and it is made again when it is needed
  for (const place of places)
    if (place.kind === 'tree' && !needed.has(place))
      discardTree(join(paths.trees, place.name), paths.discarded);
  clearDoubts(paths.unsettled);
}

function removeDamagedBlob(path: string, hex: string): void {
  const fd = openIfThere(path);
  if (fd === undefined) return;
  try {
    if (digestRange(fd, 0, Number.POSITIVE_INFINITY) !== hex) rmSync(path);
  } finally {
    closeSync(fd);
  }
}

function usesOf(table: string, places: readonly BulkObject[]): BulkObject[] {
  const bytes = readFileSync(table);
  return places.filter(({ kind, name }) => bytes.includes(`"${kind} ${name}"`));
}

function isWhole(table: string, paths: Paths): boolean {
  let layer: Layer;
  try {
    layer = finish(decodeLayer(readFileSync(table)));
  } catch {
    return false;
  }
  return layer.entries.every(
    (entry) => entry.kind !== 'node' || entry.node.type !== 'file' || hasContent(entry.node, paths),
  );
}

function hasContent(file: FileNode, paths: Paths): boolean {
  const fd = openIfThere(contentPath(file.content, paths));
  if (fd === undefined) return false;
  try {
    const start = file.content.kind === 'pack' ? file.content.offset : 0;
    return `sha256:${digestRange(fd, start, file.size)}` === file.digest;
  } finally {
    closeSync(fd);
  }
}

function contentPath(content: ContentRef, paths: Paths): Buffer {
  if (content.kind === 'pack') return Buffer.from(join(paths.packs, content.pack));
  if (content.kind !== 'tree') throw new Error(`a stored layer with ${content.kind} contents`);
  return Buffer.concat([Buffer.from(join(paths.trees, content.tree, '/')), encodePathText(content.path)]);
}

function openIfThere(path: string | Buffer): number | undefined {
  try {
    return lstatSync(path).isFile() ? openSync(path, 'r') : undefined;
  } catch {
    return undefined;
  }
}

/** Hex digest of up to `size` bytes from `start` on. */
function digestRange(fd: number, start: number, size: number): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(WINDOW, size)));
  for (let done = 0; done < size; ) {
    const count = readSync(fd, buffer, 0, Math.min(buffer.length, size - done), start + done);
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    done += count;
  }
  return hash.digest('hex');
}

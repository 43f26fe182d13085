import { encodePathText } from '../tar/index.ts';
import type { Entry } from './entry.ts';

/** Names in the order of their bytes, which for code points is not the order of UTF-16 units. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  // Only surrogates sort differently in UTF-16: without them plain comparison is the order of the bytes
  if (!/[\ud800-\uffff]/.test(a) && !/[\ud800-\uffff]/.test(b)) return a < b ? -1 : 1;
  return Buffer.compare(encodePathText(a), encodePathText(b));
}

/** Paths name by name: a directory comes right before what is in it. */
export function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  for (const [i, name] of left.entries()) {
    const other = right[i];
    if (other === undefined) return a === '' ? -1 : 1;
    const order = compareNames(name, other);
    if (order !== 0) return name === '' ? -1 : other === '' ? 1 : order;
  }
  return left.length - right.length;
}

const KIND_ORDER = { whiteout: 0, node: 1, hardlink: 1, opaque: 2 } as const;

/** Canonical order: by path, root first; at one path a whiteout before the node, an opaque marker after it. */
export function compareEntries(a: Entry, b: Entry): number {
  return comparePaths(a.path, b.path) || KIND_ORDER[a.kind] - KIND_ORDER[b.kind];
}

export function sortEntries(entries: readonly Entry[]): Entry[] {
  return [...entries].sort(compareEntries);
}

import { encodePathText } from '../tar/index.ts';
import type { Entry } from './entry.ts';
import { type Steps, sortSteps } from './steps.ts';

const SLASH = 0x2f;
/** From here on the order of UTF-16 units is not the order of the bytes. */
const FIRST_SURROGATE = 0xd800;

/** Names in the order of their bytes, which for code points is not the order of UTF-16 units. */
export function compareNames(a: string, b: string): number {
  return comparePaths(a, b);
}

/** Paths name by name, names in the order of their bytes: a directory comes right before what is in it. */
export function comparePaths(a: string, b: string): number {
  const common = Math.min(a.length, b.length);
  let at = 0;
  while (at < common && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === common) return a.length - b.length;
  const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
  if (left === SLASH) return -1;
  if (right === SLASH) return 1;
  return Math.max(left, right) < FIRST_SURROGATE ? left - right : compareBytes(a, b, at);
}

function compareBytes(a: string, b: string, at: number): number {
  // A pair is one code point: never compare from its middle
  const middle = at > 0 && (a.charCodeAt(at - 1) & 0xfc00) === 0xd800;
  const start = middle ? at - 1 : at;
  return Buffer.compare(encodePathText(nameFrom(a, start)), encodePathText(nameFrom(b, start)));
}

function nameFrom(path: string, start: number): string {
  const end = path.indexOf('/', start);
  return end < 0 ? path.slice(start) : path.slice(start, end);
}

const KIND_ORDER = { whiteout: 0, node: 1, hardlink: 1, opaque: 2 } as const;

/** Canonical order: by path, root first; at one path a whiteout before the node, an opaque marker after it. */
export function compareEntries(a: Entry, b: Entry): number {
  return comparePaths(a.path, b.path) || KIND_ORDER[a.kind] - KIND_ORDER[b.kind];
}

export function sortEntries(entries: readonly Entry[]): Steps<readonly Entry[]> {
  return sortSteps(entries, compareEntries);
}

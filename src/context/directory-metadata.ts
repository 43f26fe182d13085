import type { BigIntStats } from 'node:fs';
import type { DirNode, Metadata } from '../tree/index.ts';

/** Of a file of a build context: its own, but for the owner, which is root. */
export function metadataOf(stats: BigIntStats): Metadata {
  const second = 1_000_000_000n;
  const nanoseconds = ((stats.mtimeNs % second) + second) % second;
  return {
    mode: Number(stats.mode & 0o7777n),
    uid: 0,
    gid: 0,
    mtime: Number((stats.mtimeNs - nanoseconds) / second),
    mtimeNs: Number(nanoseconds),
  };
}

export function directoryNode(stats: BigIntStats): DirNode {
  return { type: 'dir', ...metadataOf(stats) };
}

/** Linux dev_t: makedev(3). */
export function deviceNumbers(rdev: bigint): { readonly major: number; readonly minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn & 0xffffffffn);
  return { major: Number(major), minor: Number(minor) };
}

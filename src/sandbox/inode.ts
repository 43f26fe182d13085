import { type BigIntStats, constants, lstatSync, readlinkSync } from 'node:fs';
import type { HostPath } from '../host/index.ts';
import { decodePathText } from '../tar/index.ts';
import type { Inode, Metadata } from '../tree/index.ts';
import { hostPath } from './host-path.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';

/** Marks a directory of overlayfs that hides what lower layers have in it. */
export function opaqueXattr({ attributes }: Pick<Syscalls, 'attributes'>): string {
  return `${attributes}.overlay.opaque`;
}

/** Marks the root of an unpacked layer that says nothing about the root directory's metadata. */
export function impliedRootXattr({ attributes }: Pick<Syscalls, 'attributes'>): string {
  return `${attributes}.lapidary.implied`;
}

/** Metadata of a directory that no layer describes. */
export const DEFAULT_DIRECTORY: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

/** What stands at a place of an overlay directory. */
export type Found = Metadata & {
  readonly kind: 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo' | 'socket' | 'whiteout';
  readonly size: number;
  readonly major: number;
  readonly minor: number;
  /** Device and inode number of the host, as one text. */
  readonly inode: string;
  readonly links: number;
};

const NS = 1_000_000_000n;
const KINDS = new Map<number, Found['kind']>([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'dir'],
  [constants.S_IFLNK, 'symlink'],
  [constants.S_IFCHR, 'char'],
  [constants.S_IFBLK, 'block'],
  [constants.S_IFIFO, 'fifo'],
  [constants.S_IFSOCK, 'socket'],
]);

/**
 * Attributes that belong to the host or to overlayfs, not to an image. They are never written from a layer (a
 * hostile one could redirect lookups) and never taken into one.
 */
export function isHostXattr(name: string): boolean {
  return /^(?:trusted|user)\.(?:overlay|lapidary)\.|^security\.selinux$/.test(name);
}

/**
 * Gives an inode the attributes of an image. In a user namespace those are left out that only root of the machine can set:
 * the image keeps them, commands do not see them.
 */
export function setImageXattrs(
  syscalls: Syscalls,
  host: HostPath,
  xattrs: Metadata['xattrs'] = new Map<string, Uint8Array>(),
): void {
  for (const [name, value] of xattrs) {
    if (isHostXattr(name) || (syscalls.inNamespace && NEEDS_ROOT.test(name))) continue;
    syscalls.setXattr(host, name, value);
  }
}

const NEEDS_ROOT = /^trusted\.|^security\.(?!capability$)/;

/** lstat of a path text; `undefined` when there is nothing, or a parent is missing or no directory. */
export function tryStat(path: string): BigIntStats | undefined {
  try {
    return lstatSync(hostPath(path), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

export function kindOf(stat: BigIntStats): Found['kind'] {
  const kind = KINDS.get(Number(stat.mode) & constants.S_IFMT);
  if (kind === undefined) throw new Error(`unknown type of inode: mode ${stat.mode.toString(8)}`);
  return kind === 'char' && stat.rdev === 0n ? 'whiteout' : kind;
}

/** What stands at a path text, attributes included; `undefined` when nothing does. */
export function readFound(syscalls: Syscalls, path: string): Found | undefined {
  const stat = tryStat(path);
  return stat === undefined ? undefined : foundOf(syscalls, path, stat);
}

export function foundOf(syscalls: Syscalls, path: string, stat: BigIntStats): Found {
  const mtime = stat.mtimeNs >= 0n ? stat.mtimeNs / NS : -((-stat.mtimeNs + NS - 1n) / NS);
  const xattrs = readXattrs(syscalls, path);
  return {
    kind: kindOf(stat),
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: Number(mtime),
    mtimeNs: Number(stat.mtimeNs - mtime * NS),
    size: Number(stat.size),
    ...deviceOf(stat.rdev),
    inode: `${stat.dev}:${stat.ino}`,
    links: Number(stat.nlink),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

/** makedev(3), undone. */
function deviceOf(rdev: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((rdev >> 32n) & 0xfffff000n) | ((rdev >> 8n) & 0xfffn)),
    minor: Number(((rdev >> 12n) & 0xffffff00n) | (rdev & 0xffn)),
  };
}

function readXattrs(syscalls: Syscalls, path: string): ReadonlyMap<string, Uint8Array> | undefined {
  const host = hostPath(path);
  const names = syscalls.listXattrs(host).filter((name) => !isHostXattr(name));
  if (names.length === 0) return undefined;
  const values = names
    .sort()
    .map((name) => [name, syscalls.getXattr(host, name) ?? new Uint8Array()] as const);
  return new Map(values);
}

/** Target of a symbolic link, as path text. */
export function readTarget(path: string): string {
  return decodePathText(readlinkSync(hostPath(path), 'buffer'));
}

/** Equal in all that an image keeps of every inode; the root directory's time is not looked at. */
export function sameMetadata(a: Metadata, b: Metadata, options: { readonly mtime: boolean }): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;
  if (options.mtime && (a.mtime !== b.mtime || a.mtimeNs !== b.mtimeNs)) return false;
  const [left, right] = [
    a.xattrs ?? new Map<string, Uint8Array>(),
    b.xattrs ?? new Map<string, Uint8Array>(),
  ];
  if (left.size !== right.size) return false;
  for (const [name, value] of left) {
    const other = right.get(name);
    if (other === undefined || Buffer.compare(value, other) !== 0) return false;
  }
  return true;
}

/** Only the metadata: what goes into an entry. */
export function metadataOf(found: Metadata): Metadata {
  const { mode, uid, gid, mtime, mtimeNs, xattrs } = found;
  return { mode, uid, gid, mtime, mtimeNs, ...(xattrs === undefined ? {} : { xattrs }) };
}

/** The inode of an entry for something found on disk; `undefined` for what an image cannot hold. */
export function inodeOf(
  found: Found,
  host: string,
  place: { readonly tree: string; readonly path: string },
): Inode | undefined {
  const metadata = metadataOf(found);
  switch (found.kind) {
    case 'file':
      return { ...metadata, type: 'file', size: found.size, content: { kind: 'tree', ...place } };
    case 'symlink':
      return { ...metadata, type: 'symlink', target: readTarget(host) };
    case 'char':
    case 'block':
      return { ...metadata, type: found.kind, major: found.major, minor: found.minor };
    case 'dir':
    case 'fifo':
      return { ...metadata, type: found.kind };
    default:
      return undefined;
  }
}

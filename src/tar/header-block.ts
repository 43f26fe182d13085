import { LapidaryError, quoted } from '../errors/index.ts';
import { BLOCK, MAX_PATH_BYTES, type TarMember, tarError } from './member.ts';
import { checksum, readNumber, signedChecksum } from './number-field.ts';
import { decodeUntilNul } from './path-text.ts';
import type { PaxOverrides } from './pax-read.ts';

/** A header block that was found to be one, and where in the archive it begins. */
export type HeaderBlock = { readonly buffer: Buffer; readonly start: number; readonly offset: number };

/** What earlier headers said about the member that follows them; the later ones of this list win. */
export type Overrides = {
  readonly globalPax: PaxOverrides | undefined;
  readonly pax: PaxOverrides | undefined;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
};

/** Type flags, as bytes, of headers that are no members themselves. */
export const FLAG = {
  pax: 0x78,
  globalPax: 0x67,
  longName: 0x4c,
  longLink: 0x4b,
  volumeLabel: 0x56,
} as const;

export function isZeroBlock(buffer: Buffer, start: number): boolean {
  for (let at = start; at < start + BLOCK; at++) if (buffer[at] !== 0) return false;
  return true;
}

/** @throws LapidaryError TAR_INVALID when the block's checksum does not hold */
export function verifyChecksum({ buffer, start, offset }: HeaderBlock): void {
  const stored = readNumber(buffer, start + 148, 8);
  if (stored === checksum(buffer, start) || stored === signedChecksum(buffer, start)) return;
  throw tarError('not a header: its checksum is wrong', { offset });
}

/** The size field, checked. */
export function readSize({ buffer, start, offset }: HeaderBlock): number {
  const size = readNumber(buffer, start + 124, 12);
  if (size >= 0) return size;
  throw tarError('a size that is negative, beyond 2^53 or not a number', { offset });
}

/**
 * The member a header describes, with what PAX and GNU headers in front of it said.
 *
 * @throws LapidaryError TAR_INVALID, ARCHIVE_UNSUPPORTED
 */
export function readMember(
  block: HeaderBlock,
  overrides: Overrides,
): TarMember & { readonly offset: number } {
  const { buffer, start, offset } = block;
  const { pax, globalPax } = overrides;
  const path = overrides.longName ?? pax?.path ?? readPath(buffer, start);
  const at = { offset, name: path };
  if (path === '') throw tarError('an empty name', { offset });
  if (pax?.sparse !== undefined) throw sparse(pax.sparse || path);
  const type = memberType(buffer[start + 156] ?? 0, path);
  const time = pax?.time ?? globalPax?.time;
  const xattrs = pax?.xattrs ?? globalPax?.xattrs;
  const member: TarMember & { offset: number } = {
    path,
    type,
    mode: readField(block, { name: 'mode', start: 100, most: Number.MAX_SAFE_INTEGER }, path) & 0o7777,
    uid: owner(pax?.uid ?? globalPax?.uid, block, { name: 'uid', start: 108, most: MAX_ID }, path),
    gid: owner(pax?.gid ?? globalPax?.gid, block, { name: 'gid', start: 116, most: MAX_ID }, path),
    mtime: time?.mtime ?? readTime(block, path),
    mtimeNs: time?.mtimeNs ?? 0,
    size: type === 'file' ? (pax?.size ?? readSize(block)) : 0,
    offset: offset + BLOCK,
    ...(xattrs && { xattrs }),
  };
  if (type === 'symlink' || type === 'hardlink') {
    const link = overrides.longLink ?? pax?.link ?? decodeUntilNul(buffer, start + 157, 100);
    if (link === '') throw tarError(`a ${type} to nothing`, at);
    return { ...member, link };
  }
  if (type !== 'char' && type !== 'block') return member;
  const major = readField(block, { name: 'major', start: 329, most: MAX_ID }, path);
  return { ...member, major, minor: readField(block, { name: 'minor', start: 337, most: MAX_ID }, path) };
}

const MAX_ID = 0xffff_ffff;

type NumberField = { readonly name: string; readonly start: number; readonly most: number };

function readField({ buffer, start, offset }: HeaderBlock, field: NumberField, path: string): number {
  const value = readNumber(buffer, start + field.start, 8);
  if (value >= 0 && value <= field.most) return value;
  throw tarError(`a ${field.name} that is out of range or not a number`, { offset, name: path });
}

function owner(said: number | undefined, block: HeaderBlock, field: NumberField, path: string): number {
  if (said === undefined) return readField(block, field, path);
  if (said <= field.most) return said;
  throw tarError(`a ${field.name} that is out of range`, { offset: block.offset, name: path });
}

function readTime({ buffer, start, offset }: HeaderBlock, path: string): number {
  const mtime = readNumber(buffer, start + 136, 12);
  if (!Number.isNaN(mtime)) return mtime;
  throw tarError('an mtime that is out of range or not a number', { offset, name: path });
}

/** Name, after ustar's prefix. GNU's and v7's headers have other things, or nothing, where the prefix is. */
function readPath(buffer: Buffer, start: number): string {
  const name = decodeUntilNul(buffer, start, 100);
  if (buffer[start + 345] === 0 || !hasPrefix(buffer, start + 257)) return name;
  const star = buffer[start + 508] === 0x74 && buffer[start + 509] === 0x61 && buffer[start + 510] === 0x72;
  return `${decodeUntilNul(buffer, start + 345, star ? 131 : 155)}/${name}`;
}

/** Whether the magic is `ustar` and a NUL. */
function hasPrefix(buffer: Buffer, magic: number): boolean {
  return (
    buffer[magic] === 0x75 &&
    buffer[magic + 1] === 0x73 &&
    buffer[magic + 2] === 0x74 &&
    buffer[magic + 3] === 0x61 &&
    buffer[magic + 4] === 0x72 &&
    buffer[magic + 5] === 0
  );
}

function memberType(flag: number, path: string): TarMember['type'] {
  switch (flag) {
    case 0:
      return path.endsWith('/') ? 'dir' : 'file'; // v7 has no flag for directories
    case 0x30:
    case 0x37: // contiguous
      return 'file';
    case 0x31:
      return 'hardlink';
    case 0x32:
      return 'symlink';
    case 0x33:
      return 'char';
    case 0x34:
      return 'block';
    case 0x35:
      return 'dir';
    case 0x36:
      return 'fifo';
    case 0x53:
      throw sparse(path);
    default: {
      const message = `tar member ${quoted(path)} is of the unknown type ${quoted(String.fromCharCode(flag))}`;
      throw new LapidaryError('ARCHIVE_UNSUPPORTED', message);
    }
  }
}

function sparse(path: string): LapidaryError {
  const hint = 'make the archive again without sparse files (GNU tar: without --sparse)';
  return new LapidaryError('ARCHIVE_UNSUPPORTED', `tar member ${quoted(path)} is a sparse file`, { hint });
}

/** @throws LapidaryError TAR_INVALID when a GNU long name is too long */
export function readLongName(body: Buffer, offset: number): string {
  const text = decodeUntilNul(body, 0, body.length);
  if (body.length <= MAX_PATH_BYTES + 1 && text !== '') return text;
  throw tarError(`a long name of ${body.length} bytes`, { offset });
}

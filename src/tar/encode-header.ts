import { BLOCK, MAX_PATH_BYTES, padding, type TarMember, tarError } from './member.ts';
import { checksum, fitsOctal, writeOctal } from './number-field.ts';
import { encodePathText } from './path-text.ts';
import { encodePaxRecords, formatPaxTime, type PaxValues } from './pax-write.ts';

const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
const PAX_NAME = '././@PaxHeader';

const TYPE_FLAGS = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  dir: 0x35,
  fifo: 0x36,
} as const satisfies Record<TarMember['type'], number>;

/** Values of one header block; all fit their fields. */
type Fields = {
  readonly prefix?: Uint8Array;
  readonly name: Uint8Array;
  readonly link?: Uint8Array;
  readonly flag: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly major?: number;
  readonly minor?: number;
};

/**
 * The header of a member: one ustar block, after a PAX header (two or more blocks) only if ustar cannot hold a value:
 * a path beyond 100 bytes that does not split at 155/100, a link beyond 100 bytes, either with bytes beyond ASCII, size
 * from 8 GiB, uid or gid from 2^21, mtime that is negative, from 2^33 or has nanoseconds, extended attributes.
 * The same member always gives the same bytes. A directory's path gets a slash at its end, the root is `./`.
 *
 * Source: POSIX.1-2024, pax; the choice of what goes to PAX is that of Go's archive/tar.
 *
 * @throws LapidaryError TAR_INVALID for what no archive can hold: a NUL in a name, a path beyond 4096 bytes
 */
export function encodeHeader(member: TarMember): Uint8Array {
  const pax: PaxValues = new Map();
  const path = encodeName(member, archivePath(member));
  const split = splitPath(path);
  if (!split) pax.set('path', path);
  const link = member.link === undefined ? undefined : encodeName(member, member.link);
  const linkFits = link === undefined || (link.length <= NAME_SIZE && isAscii(link));
  if (!linkFits) pax.set('linkpath', link);
  const numbers = encodeNumbers(member, pax);
  for (const [name, value] of member.xattrs ?? []) pax.set(xattrKey(member, name), value);
  const block = encodeBlock({
    ...(split ?? { name: placeholder(path) }),
    ...(link && { link: linkFits ? link : placeholder(link) }),
    flag: TYPE_FLAGS[member.type],
    ...numbers,
  });
  return pax.size === 0 ? block : Buffer.concat([paxHeader(pax), block]);
}

function archivePath({ path, type }: TarMember): string {
  if (path === '') return type === 'dir' ? './' : path;
  return type === 'dir' && !path.endsWith('/') ? `${path}/` : path;
}

function encodeName(member: TarMember, text: string): Uint8Array {
  const bytes = encodePathText(text);
  const reason =
    bytes.length === 0
      ? 'an empty name'
      : bytes.length > MAX_PATH_BYTES
        ? `a name of ${bytes.length} bytes`
        : bytes.includes(0)
          ? 'a NUL in a name'
          : undefined;
  if (reason !== undefined) throw unwritable(member, reason);
  return bytes;
}

/** Sizes, owners and times: what fits goes to the header, the rest to `pax` with a zero in the header. */
function encodeNumbers(
  member: TarMember,
  pax: PaxValues,
): Pick<Fields, 'mode' | 'uid' | 'gid' | 'size' | 'mtime' | 'major' | 'minor'> {
  const { mtime, mtimeNs, major = 0, minor = 0 } = member;
  const field = (key: 'uid' | 'gid' | 'size', value: number, length: number): number => {
    if (!Number.isSafeInteger(value) || value < 0) throw unwritable(member, `a ${key} of ${value}`);
    if (fitsOctal(value, length)) return value;
    pax.set(key, encodePathText(String(value)));
    return 0;
  };
  if (!Number.isSafeInteger(mtime) || !Number.isInteger(mtimeNs) || mtimeNs < 0 || mtimeNs >= 1e9) {
    throw unwritable(member, `a time of ${mtime} s and ${mtimeNs} ns`);
  }
  if (mtimeNs !== 0 || !fitsOctal(mtime, 12)) pax.set('mtime', encodePathText(formatPaxTime(mtime, mtimeNs)));
  if (![major, minor].every((value) => Number.isInteger(value) && fitsOctal(value, 8))) {
    throw unwritable(member, `a device number of ${major}:${minor}`);
  }
  return {
    mode: member.mode & 0o7777,
    uid: field('uid', member.uid, 8),
    gid: field('gid', member.gid, 8),
    size: member.type === 'file' ? field('size', member.size, 12) : 0,
    mtime: fitsOctal(mtime, 12) ? mtime : 0,
    major,
    minor,
  };
}

function xattrKey(member: TarMember, name: string): string {
  if (name === '' || name.includes('=') || name.includes('\0')) {
    throw unwritable(member, `an extended attribute named ${JSON.stringify(name)}`);
  }
  return `SCHILY.xattr.${name}`;
}

/** The path as ustar's prefix and name, `undefined` when PAX has to hold it. */
function splitPath(
  path: Uint8Array,
): { readonly prefix?: Uint8Array; readonly name: Uint8Array } | undefined {
  if (!isAscii(path)) return undefined;
  if (path.length <= NAME_SIZE) return { name: path };
  const last = path[path.length - 1] === 0x2f ? path.length - 2 : path.length - 1;
  const slash = path.lastIndexOf(0x2f, Math.min(last, PREFIX_SIZE));
  if (slash <= 0 || path.length - slash - 1 > NAME_SIZE) return undefined;
  return { prefix: path.subarray(0, slash), name: path.subarray(slash + 1) };
}

/** What readers without PAX see of a name that does not fit. */
function placeholder(name: Uint8Array): Uint8Array {
  return name.subarray(0, NAME_SIZE).map((byte) => (byte < 0x80 ? byte : 0x5f));
}

function isAscii(bytes: Uint8Array): boolean {
  let high = 0;
  for (const byte of bytes) high |= byte;
  return high < 0x80;
}

/** Header and body of the PAX header; nothing of it depends on the member but the records. */
function paxHeader(pax: PaxValues): Uint8Array {
  const body = encodePaxRecords(pax);
  const name = Buffer.from(PAX_NAME, 'latin1');
  const owner = { mode: 0o644, uid: 0, gid: 0, mtime: 0 };
  const block = encodeBlock({ name, flag: 0x78, size: body.length, ...owner });
  return Buffer.concat([block, body, new Uint8Array(padding(body.length))]);
}

function encodeBlock(fields: Fields): Uint8Array {
  const block = new Uint8Array(BLOCK);
  block.set(fields.name, 0);
  writeOctal(block, 100, { length: 8, value: fields.mode });
  writeOctal(block, 108, { length: 8, value: fields.uid });
  writeOctal(block, 116, { length: 8, value: fields.gid });
  writeOctal(block, 124, { length: 12, value: fields.size });
  writeOctal(block, 136, { length: 12, value: fields.mtime });
  block[156] = fields.flag;
  if (fields.link) block.set(fields.link, 157);
  block.set(MAGIC, 257);
  writeOctal(block, 329, { length: 8, value: fields.major ?? 0 });
  writeOctal(block, 337, { length: 8, value: fields.minor ?? 0 });
  if (fields.prefix) block.set(fields.prefix, 345);
  writeOctal(block, 148, { length: 7, value: checksum(block, 0) });
  block[155] = 0x20;
  return block;
}

const MAGIC: Uint8Array = Buffer.from('ustar\u000000', 'latin1');

function unwritable(member: TarMember, reason: string): Error {
  return tarError(`cannot be written: ${reason}`, { offset: 0, name: member.path });
}

import { MAX_PATH_BYTES, tarError } from './member.ts';
import { decodeRange } from './path-text.ts';

/** What PAX records say about a member, in place of its header's fields. */
export type PaxOverrides = {
  path?: string;
  link?: string;
  size?: number;
  uid?: number;
  gid?: number;
  time?: { readonly mtime: number; readonly mtimeNs: number };
  xattrs?: Map<string, Uint8Array>;
  /** The member is a sparse file in one of GNU's PAX forms; its name where it is not in `path`, else empty. */
  sparse?: string;
};

const XATTR = 'SCHILY.xattr.';

/**
 * Reads `length key=value\n` records from the body of a PAX header at `offset`. A later record replaces an earlier one; an empty value
 * takes the earlier one away (but an extended attribute may be empty). Unknown keys are ignored.
 *
 * @throws LapidaryError TAR_INVALID
 */
export function parsePaxRecords(buffer: Buffer, offset: number): PaxOverrides {
  const found: PaxOverrides = {};
  let at = 0;
  while (at < buffer.length) {
    const [body, next] = readLength(buffer, at, offset);
    let equals = body;
    while (equals < next - 1 && buffer[equals] !== 0x3d) equals++;
    if (equals >= next - 1 || equals === body) throw tarError('a PAX record without a key', { offset });
    applyRecord(
      found,
      { buffer, key: decodeRange(buffer, body, equals), start: equals + 1, end: next - 1 },
      offset,
    );
    at = next;
  }
  return found;
}

/** `[start of the key, start of the next record]`. */
function readLength(buffer: Buffer, start: number, offset: number): readonly [number, number] {
  const end = buffer.length;
  let length = 0;
  let at = start;
  for (; at < end && at < start + 9; at++) {
    const digit = (buffer[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) break;
    length = length * 10 + digit;
  }
  const next = start + length;
  if (at === start || buffer[at] !== 0x20 || next > end || next < at + 2 || buffer[next - 1] !== 0x0a) {
    throw tarError('a malformed PAX record', { offset });
  }
  return [at + 1, next];
}

type PaxRecord = {
  readonly buffer: Buffer;
  readonly key: string;
  readonly start: number;
  readonly end: number;
};

function applyRecord(found: PaxOverrides, record: PaxRecord, offset: number): void {
  const { key, start, end } = record;
  const empty = start === end;
  switch (key) {
    case 'path':
      if (empty) delete found.path;
      else found.path = pathValue(record, offset);
      break;
    case 'linkpath':
      if (empty) delete found.link;
      else found.link = pathValue(record, offset);
      break;
    case 'size':
    case 'uid':
    case 'gid':
      if (empty) delete found[key];
      else found[key] = wholeValue(record, offset);
      break;
    case 'mtime':
      if (empty) delete found.time;
      else found.time = timeValue(record, offset);
      break;
    default:
      if (key === 'GNU.sparse.name') found.sparse = pathValue(record, offset);
      else if (key.startsWith('GNU.sparse.')) found.sparse ??= '';
      else if (key.startsWith(XATTR) && key.length > XATTR.length) {
        found.xattrs ??= new Map();
        found.xattrs.set(key.slice(XATTR.length), Uint8Array.from(record.buffer.subarray(start, end)));
      }
  }
}

function pathValue({ buffer, key, start, end }: PaxRecord, offset: number): string {
  if (end - start > MAX_PATH_BYTES) throw tarError(`a ${key} of ${end - start} bytes`, { offset });
  for (let at = start; at < end; at++) {
    if (buffer[at] === 0) throw tarError(`a ${key} with a NUL in it`, { offset });
  }
  return decodeRange(buffer, start, end);
}

function wholeValue({ buffer, key, start, end }: PaxRecord, offset: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (buffer[at] ?? 0) - 0x30;
    value = value * 10 + digit;
    if (digit < 0 || digit > 9 || value > Number.MAX_SAFE_INTEGER) {
      throw tarError(`a PAX record whose ${key} is not a number from 0 to 2^53`, { offset });
    }
  }
  return value;
}

function timeValue(
  { buffer, start, end }: PaxRecord,
  offset: number,
): { readonly mtime: number; readonly mtimeNs: number } {
  const text = end - start <= 64 ? buffer.toString('latin1', start, end) : '';
  const match = /^(-?)([0-9]{1,16})(?:\.([0-9]*))?$/.exec(text);
  const whole = Number(match?.[2]);
  if (!match || !Number.isSafeInteger(whole)) {
    throw tarError('a PAX record whose mtime is not a decimal number', { offset });
  }
  const ns = Number((match[3] ?? '').padEnd(9, '0').slice(0, 9));
  if (match[1] !== '-') return { mtime: whole, mtimeNs: ns };
  return ns === 0 ? { mtime: 0 - whole, mtimeNs: 0 } : { mtime: -whole - 1, mtimeNs: 1_000_000_000 - ns };
}

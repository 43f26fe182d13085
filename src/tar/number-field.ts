/**
 * The number in a header field: octal digits (spaces and NULs around them are ignored, nothing reads as 0), or
 * GNU's base-256 form, big-endian two's complement, marked by the highest bit.
 * NaN when it is neither, or beyond ±2^53.
 */
export function readNumber(buffer: Buffer, start: number, length: number): number {
  const end = start + length;
  if (((buffer[start] ?? 0) & 0x80) !== 0) return readBase256(buffer, start, end);
  let at = start;
  while (at < end && (buffer[at] === 0x20 || buffer[at] === 0)) at++;
  let value = 0;
  for (; at < end; at++) {
    const byte = buffer[at] ?? 0;
    if (byte === 0 || byte === 0x20) break;
    if (byte < 0x30 || byte > 0x37) return Number.NaN;
    value = value * 8 + (byte - 0x30);
  }
  return value;
}

function readBase256(buffer: Buffer, start: number, end: number): number {
  const negative = ((buffer[start] ?? 0) & 0x40) !== 0;
  const invert = negative ? 0xff : 0;
  let value = ((buffer[start] ?? 0) ^ invert) & 0x7f;
  for (let at = start + 1; at < end; at++) {
    value = value * 256 + ((buffer[at] ?? 0) ^ invert);
    if (value > Number.MAX_SAFE_INTEGER) return Number.NaN;
  }
  return negative ? -value - 1 : value;
}

/** Whether `value` fits a field of `length` bytes as octal digits and a NUL. */
export function fitsOctal(value: number, length: number): boolean {
  return value >= 0 && value < 8 ** (length - 1);
}

/** Writes octal digits with leading zeros and a NUL. `value` must fit. */
export function writeOctal(block: Uint8Array, start: number, field: { length: number; value: number }): void {
  let rest = field.value;
  for (let at = start + field.length - 2; at >= start; at--) {
    block[at] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

const CHECKSUM_START = 148;
const CHECKSUM_END = 156;

/** Sum of a header's bytes with the checksum field read as spaces. */
export function checksum(block: Uint8Array, start: number): number {
  let sum = 8 * 0x20;
  for (let at = start; at < start + CHECKSUM_START; at++) sum += block[at] ?? 0;
  for (let at = start + CHECKSUM_END; at < start + 512; at++) sum += block[at] ?? 0;
  return sum;
}

/** The same over signed bytes, as some old implementations had it. */
export function signedChecksum(block: Uint8Array, start: number): number {
  let sum = checksum(block, start);
  for (let at = start; at < start + 512; at++) {
    const counted = at < start + CHECKSUM_START || at >= start + CHECKSUM_END;
    if (counted && (block[at] ?? 0) > 0x7f) sum -= 256;
  }
  return sum;
}

/** What a byte that is not part of UTF-8 becomes: the lone surrogate U+DC00 + byte, so U+DC80..U+DCFF. */
const ESCAPE_BASE = 0xdc00;

/**
 * Text of a path (or link target, or attribute name) that is any bytes to the kernel. UTF-8 is read as such; each
 * byte that is not part of it becomes a lone surrogate U+DC80..U+DCFF, as Python's `surrogateescape` has it.
 * `encodePathText` gives the same bytes back, for every input. Never throws.
 */
export function decodePathText(bytes: Uint8Array): string {
  return decodeRange(asBuffer(bytes), 0, bytes.length);
}

/** The bytes of a path text. A lone surrogate that `decodePathText` cannot have made is written as U+FFFD. */
export function encodePathText(text: string): Uint8Array {
  if (text.isWellFormed()) return Buffer.from(text, 'utf8');
  const pieces: Uint8Array[] = [];
  for (const run of text.match(/[\udc80-\udcff]+|[^\udc80-\udcff]+/gu) ?? []) {
    const escaped = isEscape(run.charCodeAt(0));
    pieces.push(
      escaped ? Uint8Array.from(run, (char) => char.charCodeAt(0) - ESCAPE_BASE) : Buffer.from(run, 'utf8'),
    );
  }
  return Buffer.concat(pieces);
}

/** A Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** `decodePathText` of `buffer[start..end)`. */
export function decodeRange(buffer: Buffer, start: number, end: number): string {
  let high = 0;
  for (let at = start; at < end; at++) high |= buffer[at] ?? 0;
  if (high < 0x80) return buffer.toString('latin1', start, end);
  const text = buffer.toString('utf8', start, end);
  return text.includes('\ufffd') ? decodeWithEscapes(buffer, start, end) : text;
}

/** Up to the first NUL in `buffer[start..start+length)`. */
export function decodeUntilNul(buffer: Buffer, start: number, length: number): string {
  let end = start;
  while (end < start + length && buffer[end] !== 0) end++;
  return decodeRange(buffer, start, end);
}

function isEscape(unit: number): boolean {
  return unit >= 0xdc80 && unit <= 0xdcff;
}

function decodeWithEscapes(buffer: Buffer, start: number, end: number): string {
  const pieces: string[] = [];
  let valid = start;
  for (let at = start; at < end; ) {
    const length = sequenceLength(buffer, at, end);
    if (length === 0) {
      pieces.push(buffer.toString('utf8', valid, at), String.fromCharCode(ESCAPE_BASE + (buffer[at] ?? 0)));
      valid = at + 1;
    }
    at += length || 1;
  }
  return pieces.join('') + buffer.toString('utf8', valid, end);
}

/** Length of the UTF-8 sequence at `at`, 0 if there is none. Source: Unicode 16, table 3-7. */
function sequenceLength(buffer: Buffer, at: number, end: number): 0 | 1 | 2 | 3 | 4 {
  const lead = buffer[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return 0;
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = buffer[at + 1] ?? 0;
  if (second < least || second > most) return 0;
  for (let next = at + 2; next < at + length; next++) {
    if (((buffer[next] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  return length;
}

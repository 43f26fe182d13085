import { encodePathText } from './path-text.ts';

/** PAX records by key. Values are bytes. */
export type PaxValues = Map<string, Uint8Array>;

/** The body of a PAX header: `length key=value\n` records in the order of their keys' UTF-16 units. */
export function encodePaxRecords(values: PaxValues): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const key of [...values.keys()].sort()) {
    const value = values.get(key) ?? new Uint8Array();
    const keyBytes = encodePathText(key);
    const rest = keyBytes.length + value.length + 3; // space, = and newline
    let length = rest + String(rest).length;
    if (rest + String(length).length !== length) length = rest + String(length).length;
    pieces.push(Buffer.from(`${length} `, 'latin1'), keyBytes, EQUALS, value, NEWLINE);
  }
  return Buffer.concat(pieces);
}

const EQUALS = Uint8Array.of(0x3d);
const NEWLINE = Uint8Array.of(0x0a);

/** Decimal seconds, without trailing zeros: `-1.5` for -2 s and 500,000,000 ns. */
export function formatPaxTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const negative = seconds < 0;
  const whole = negative ? -(seconds + 1) : seconds;
  const fraction = negative ? 1_000_000_000 - nanoseconds : nanoseconds;
  return `${negative ? '-' : ''}${whole}.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;
}

import { LapidaryError, quoted } from '../errors/index.ts';

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/**
 * Nanoseconds of a duration as Go writes it: numbers with units (ns, us, ms, s, m, h) one after another, such as
 * `10s`, `1m30s`, `1.5h`, `-500ms`; or `0`. Parts of a nanosecond are cut off. At most 2^53-1 ns (104 days).
 *
 * Source: Go 1.25, time.ParseDuration.
 *
 * @throws LapidaryError DURATION_INVALID
 */
export function parseGoDuration(text: string): number {
  const hint = 'expected numbers with units, such as 10s, 1m30s or 500ms';
  const shape = /^([+-]?)(0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/;
  const match = text.length <= 100 ? shape.exec(text) : null;
  if (!match) {
    const bare = /^[0-9]+$/.test(text) && text.length < 10;
    const better = bare ? `a unit is missing: did you mean ${text}s?` : hint;
    throw new LapidaryError('DURATION_INVALID', `not a duration: ${quoted(text)}`, { hint: better });
  }
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of (match[2] ?? '').matchAll(
    /([0-9]*)\.?([0-9]*)([^0-9.]+)/g,
  )) {
    const scale = UNITS[unit] ?? 0n;
    total += BigInt(whole) * scale + (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  if (total > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new LapidaryError('DURATION_INVALID', `a duration of more than 104 days: ${quoted(text)}`);
  }
  return match[1] === '-' && total > 0n ? -Number(total) : Number(total);
}

/**
 * A whole number of nanoseconds in Go's notation: `1m30s`, `1h0m0s`, `1.5s`, `500ms`, `0s`. Inverse of `parseGoDuration`.
 *
 * Source: Go 1.25, time.Duration.String.
 */
export function formatGoDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  const sign = nanoseconds < 0 ? '-' : '';
  const ns = BigInt(Math.abs(nanoseconds));
  if (ns < 1_000n) return `${sign}${ns}ns`;
  if (ns < 1_000_000n) return `${sign}${decimal(ns, 3)}\u00b5s`;
  if (ns < 1_000_000_000n) return `${sign}${decimal(ns, 6)}ms`;
  const minutes = ns / 60_000_000_000n;
  const seconds = `${decimal(ns % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return sign + seconds;
  return minutes < 60n
    ? `${sign}${minutes}m${seconds}`
    : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `value / 10^places` without trailing zeros. */
function decimal(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, '0');
  const fraction = digits.slice(-places).replace(/0+$/, '');
  return digits.slice(0, -places) + (fraction && `.${fraction}`);
}

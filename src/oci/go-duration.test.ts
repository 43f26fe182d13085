import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';

describe('parseGoDuration and formatGoDuration', () => {
  test.for([
    ['0', 0, '0s'],
    ['-0', 0, '0s'],
    ['10s', 1e10, '10s'],
    ['1m30s', 9e10, '1m30s'],
    ['90s', 9e10, '1m30s'],
    ['500ms', 5e8, '500ms'],
    ['1.5h', 5.4e12, '1h30m0s'],
    ['.5s', 5e8, '500ms'],
    ['5.s', 5e9, '5s'],
    ['+1s', 1e9, '1s'],
    ['-1m', -6e10, '-1m0s'],
    ['1us', 1e3, '1µs'],
    ['1µs', 1e3, '1µs'],
    ['1\u03bcs', 1e3, '1µs'],
    ['1500ns', 1500, '1.5µs'],
    ['0.1234567891s', 123_456_789, '123.456789ms'],
    ['1s500ms', 15e8, '1.5s'],
    ['2500h', 9e15, '2500h0m0s'],
  ] as const)('%s is %d ns', ([text, ns, formatted]) => {
    expect(parseGoDuration(text)).toBe(ns);
    expect(formatGoDuration(ns)).toBe(formatted);
    expect(parseGoDuration(formatted)).toBe(ns);
  });

  test.for([
    ['empty', '', 'expected numbers with units, such as 10s, 1m30s or 500ms'],
    ['no unit', '30', 'a unit is missing: did you mean 30s?'],
    ['no number', 's', 'expected numbers with units, such as 10s, 1m30s or 500ms'],
    ['only a point', '.s', 'expected numbers with units, such as 10s, 1m30s or 500ms'],
    ['unknown unit', '3d', 'expected numbers with units, such as 10s, 1m30s or 500ms'],
    ['space', '1m 30s', 'expected numbers with units, such as 10s, 1m30s or 500ms'],
    ['sign in the middle', '1m-30s', 'expected numbers with units, such as 10s, 1m30s or 500ms'],
    ['zero with more behind', '01', 'a unit is missing: did you mean 01s?'],
    ['overlong', `${'1'.repeat(200)}s`, 'expected numbers with units, such as 10s, 1m30s or 500ms'],
    ['beyond 104 days', '3000h', undefined],
    ['far beyond', `${'9'.repeat(90)}h`, undefined],
  ] as const)('refuses: %s', ([, text, hint]) => {
    expect(() => parseGoDuration(text)).toThrow(LapidaryError);
    expect(() => parseGoDuration(text)).toThrow(expect.objectContaining({ code: 'DURATION_INVALID', hint }));
  });

  test('format and parse are inverse', () => {
    const range = { min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER };
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.integer(range)), (ns) => {
        expect(parseGoDuration(formatGoDuration(ns))).toBe(ns);
      }),
    );
  });
});

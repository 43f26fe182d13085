import { describe, expect, test } from 'vitest';
import { cut, formatElapsed, formatSize, textWidth } from './text.ts';

describe('text', () => {
  test.for([
    ['nothing', '', 0],
    ['ASCII', 'abc', 3],
    ['letters with accents', 'é', 1],
    ['accents of their own', 'e\u0301', 1],
    ['wide characters', '日本', 4],
    ['an emoji', '😀', 2],
  ] as const)('width of %s', ([, text, want]) => {
    expect(textWidth(text)).toBe(want);
  });

  test.for([
    ['what fits', 'abc', 3, 'abc'],
    ['what does not', 'abcd', 3, 'ab…'],
    ['half of a wide character', '日本語', 4, '日…'],
    ['one column', 'abc', 1, '…'],
    ['no column', 'abc', 0, ''],
  ] as const)('cut: %s', ([, text, columns, want]) => {
    expect(cut(text, columns)).toBe(want);
  });

  test.for([
    [0, '0.0s'],
    [1234, '1.2s'],
    [59_949, '59.9s'],
    [59_960, '1m00s'],
    [125_400, '2m05s'],
  ] as const)('%d ms are %s', ([ms, want]) => {
    expect(formatElapsed(ms)).toBe(want);
  });

  test.for([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1994, '1.99kB'],
    [12_345_678, '12.3MB'],
    [100_000_000, '100MB'],
    [5e18, '5000PB'],
  ] as const)('%d bytes are %s', ([bytes, want]) => {
    expect(formatSize(bytes)).toBe(want);
  });
});

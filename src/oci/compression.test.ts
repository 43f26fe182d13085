import { expect, test } from 'vitest';
import { compressionLevel } from './compression.ts';

test.for([
  ['gzip usually', 'gzip', undefined, 5],
  ['gzip at its least', 'gzip', 0, 0],
  ['gzip at its most', 'gzip', 9, 9],
  ['zstd usually', 'zstd', undefined, 3],
  ['zstd at its least', 'zstd', 1, 1],
  ['zstd at its most', 'zstd', 19, 19],
  ['nothing', 'uncompressed', undefined, undefined],
] as const)('%s', ([, compression, asked, level]) => {
  expect(compressionLevel(compression, asked)).toBe(level);
});

test.for([
  ['gzip', 10, 'gzip has no compression level 10'],
  ['gzip', -1, 'gzip has no compression level -1'],
  ['gzip', 1.5, 'gzip has no compression level 1.5'],
  ['gzip', Number.NaN, 'gzip has no compression level NaN'],
  ['zstd', 0, 'zstd has no compression level 0'],
  ['zstd', 20, 'zstd has no compression level 20'],
  ['uncompressed', 1, 'uncompressed layers have no compression level, but 1 was given'],
] as const)('error: %s at %d', ([compression, asked, message]) => {
  expect(() => compressionLevel(compression, asked)).toThrow(
    expect.objectContaining({ code: 'USAGE', message }),
  );
});

import { LapidaryError } from '../errors/index.ts';
import type { Compression } from './media-types.ts';

/** How layers are made: eStargz is a gzip whose files can be fetched one by one. */
export type OutputCompression = Compression | 'estargz';

/**
 * The defaults are part of reproducibility, so never left to a library. gzip's 5 comes within 2 % of its 6 in three
 * quarters of the time. zstd's levels above 19 need much memory to read.
 */
const LEVELS = {
  gzip: { least: 0, greatest: 9, usual: 5 },
  estargz: { least: 0, greatest: 9, usual: 5 },
  zstd: { least: 1, greatest: 19, usual: 3 },
} as const;

/**
 * The level to compress with: as asked, else the usual one; `undefined` when nothing is compressed.
 * @throws LapidaryError USAGE for a level that the compression does not have
 */
export function compressionLevel(compression: OutputCompression, asked?: number): number | undefined {
  if (compression === 'uncompressed') {
    if (asked === undefined) return undefined;
    throw new LapidaryError(
      'USAGE',
      `uncompressed layers have no compression level, but ${asked} was given`,
      {
        hint: 'leave the level out, or compress with gzip, estargz or zstd',
      },
    );
  }
  const { least, greatest, usual } = LEVELS[compression];
  const level = asked ?? usual;
  if (Number.isInteger(level) && level >= least && level <= greatest) return level;
  throw new LapidaryError('USAGE', `${compression} has no compression level ${level}`, {
    hint: `expected a whole number from ${least} to ${greatest}; without one it is ${usual}`,
  });
}

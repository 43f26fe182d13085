import { buffer } from 'node:stream/consumers';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../oci/index.ts';
import { deflateBlocks } from './deflate-blocks.ts';

const MIB = 1024 * 1024;

/** Compressible, with matches that cross the ends of blocks. */
const TEXT: Buffer = Buffer.concat(
  Array.from({ length: 250_000 }, (_, line) => Buffer.from(`line ${(line * 7919) % 9973}\n`)),
);

async function* cut(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? MIB;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const deflate = (bytes: Uint8Array, sizes: readonly number[], threads = 2): Promise<Buffer> =>
  buffer(deflateBlocks(cut(bytes, sizes), { level: 6, threads }));

describe('deflateBlocks', () => {
  test.for([0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, TEXT.length])('gives back %d bytes', async (length) => {
    const bytes = TEXT.subarray(0, length);
    expect(inflateRawSync(await deflate(bytes, [MIB])).equals(bytes)).toBe(true);
  });

  test.for([0, 1, 9])('gives them back at level %d', async (level) => {
    const deflated = await buffer(deflateBlocks(cut(TEXT, [MIB]), { level }));
    expect(inflateRawSync(deflated).equals(TEXT)).toBe(true);
  });

  test('does not depend on how its input is cut, nor on the number of threads', async () => {
    const want = sha256(await deflate(TEXT, [TEXT.length], 1));
    const sizes = fc.array(fc.integer({ min: 1000, max: 3 * MIB }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.constantFrom(1, 2, 4, 100), async (cuts, threads) => {
        expect(sha256(await deflate(TEXT, cuts, threads))).toBe(want);
      }),
      { numRuns: 12 },
    );
  });

  test('is as small as one piece, but for a flush per block', async () => {
    const whole = deflateRawSync(TEXT, { level: 6, memLevel: 9 });
    expect((await deflate(TEXT, [MIB])).length).toBeLessThan(whole.length * 1.001 + 100);
  });

  test('a short input gives the bytes of plain zlib', async () => {
    const bytes = TEXT.subarray(0, 100_000);
    expect((await deflate(bytes, [777])).equals(deflateRawSync(bytes, { level: 6, memLevel: 9 }))).toBe(true);
  });

  test('reads no further ahead than one block more than there are threads', async () => {
    let read = 0;
    const source = (async function* (): AsyncGenerator<Uint8Array> {
      for (; read < 20; read++) yield TEXT.subarray(0, MIB);
    })();
    const seen: number[] = [];
    for await (const deflated of deflateBlocks(source, { level: 1, threads: 3 })) {
      if (deflated.length > 0) seen.push(read);
    }
    expect(seen.slice(0, 3)).toEqual([3, 4, 5]);
  });
});

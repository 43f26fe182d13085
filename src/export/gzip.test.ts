import { execFileSync } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Compression, sha256 } from '../oci/index.ts';
import { compressStream } from './gzip.ts';

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function compress(bytes: Uint8Array, compression: Compression, size = 1000): Promise<Buffer> {
  return buffer(compressStream(cut(bytes, size), compression));
}

const DECODERS = { gzip: gunzipSync, zstd: zstdDecompressSync, uncompressed: (bytes: Buffer) => bytes };
const text = Buffer.from(Array.from({ length: 20_000 }, (_, line) => `line ${line * 7919}\n`).join(''));

describe('compressStream', () => {
  test.for(['gzip', 'zstd', 'uncompressed'] as const)('%s gives back what went in', async (compression) => {
    const bytes = fc.uint8Array({ maxLength: 5000 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.integer({ min: 1, max: 700 }), async (input, size) => {
        expect(DECODERS[compression](await compress(input, compression, size))).toEqual(Buffer.from(input));
      }),
      { numRuns: 20 },
    );
  });

  test.for(['gzip', 'zstd'] as const)('%s does not depend on how its input is cut', async (compression) => {
    const [small, large] = [
      await compress(text, compression, 777),
      await compress(text, compression, 1 << 20),
    ];
    expect(sha256(small)).toBe(sha256(large));
  });

  test('the gzip header has no time, no name and no operating system', async () => {
    expect([...(await compress(text, 'gzip')).subarray(0, 10)]).toEqual([
      0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff,
    ]);
  });

  test('gzip(1) accepts the checksum and the length', async () => {
    const unpacked = execFileSync('gzip', ['-dc'], { input: await compress(text, 'gzip') });
    expect(unpacked.equals(text)).toBe(true);
  });

  // a canary: zlib promises no stable bytes, and a change here changes the digest of every layer that is made anew
  test('level 6 gives the bytes it gave when this was written', async () => {
    expect(sha256(await compress(text, 'gzip'))).toMatchInlineSnapshot(
      `"sha256:5dacc940c221a845bf2e888006eb983f3bea754b04c354e21669937d9f3ad8ad"`,
    );
  });

  test('an error of the source comes out, and an early end closes the source', async () => {
    const failing = (async function* (): AsyncGenerator<Uint8Array> {
      yield text;
      throw new Error('source broke');
    })();
    await expect(buffer(compressStream(failing, 'gzip'))).rejects.toThrow('source broke');
    let closed = false;
    const endless = (async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield text;
      } finally {
        closed = true;
      }
    })();
    for await (const chunk of compressStream(endless, 'zstd')) if (chunk.length > 0) break;
    await expect.poll(() => closed).toBe(true);
  });
});

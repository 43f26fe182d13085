import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../oci/index.ts';
import { decompress, detectCompression, type StreamCompression } from './decompress.ts';

const data = createHash('shake256', { outputLength: 200_000 }).update('data').digest();
const program =
  (name: string, ...flags: string[]) =>
  (bytes: Uint8Array): Uint8Array =>
    execFileSync(name, ['-c', ...flags], { input: bytes });
const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function whole(bytes: Uint8Array, compression: StreamCompression, size: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of decompress(inPieces(bytes, size), compression)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

describe('data in several parts, however it is cut into pieces', () => {
  const [first, second] = [data.subarray(0, 70_000), data.subarray(70_000)];
  test.for<{ name: string; compression: StreamCompression; pack: (bytes: Uint8Array) => Uint8Array }>([
    { name: 'gzip', compression: 'gzip', pack: (bytes) => gzipSync(bytes) },
    { name: 'zstd', compression: 'zstd', pack: (bytes) => zstdCompressSync(bytes) },
    { name: 'zstd with checksum and no size', compression: 'zstd', pack: program('zstd') },
    { name: 'xz', compression: 'xz', pack: program('xz') },
    { name: 'bzip2', compression: 'bzip2', pack: program('bzip2') },
  ])('$name', async ({ compression, pack }) => {
    const packed = Buffer.concat([pack(first), pack(second)]);
    expect(detectCompression(packed)).toBe(compression);
    const boundary = pack(first).length;
    for (const size of [1000, 65_537, boundary, boundary + 1, packed.length]) {
      expect(sha256(await whole(packed, compression, size))).toBe(sha256(data));
    }
  });

  test.for([1, 7, 4096, 1_000_000])('zstd with frames to skip, in pieces of %d', async (size) => {
    const text = Buffer.from('x'.repeat(500_000));
    const packed = Buffer.concat([
      skippable,
      zstdCompressSync(text),
      skippable,
      zstdCompressSync('y'),
      skippable,
    ]);
    expect((await whole(packed, 'zstd', size)).toString()).toBe(`${text.toString()}y`);
  });
});

describe('damaged data', () => {
  const bytes = {
    gzip: gzipSync(data),
    zstd: zstdCompressSync(data),
    xz: program('xz')(data),
    bzip2: program('bzip2')(data),
  };
  const damage: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
    'cut off': (bytes) => bytes.subarray(0, bytes.length - 20),
    'cut in half': (bytes) => bytes.subarray(0, bytes.length >> 1),
    'followed by half a part': (bytes) => Buffer.concat([bytes, bytes.subarray(0, 1000)]),
  };
  const rows = Object.keys(damage).flatMap((how) =>
    Object.keys(bytes).map((compression) => ({ how, compression: compression as keyof typeof bytes })),
  );
  test.for(rows)('$compression, $how', async ({ how, compression }) => {
    const damaged = damage[how]?.(bytes[compression]) ?? data;
    await expect(whole(damaged, compression, 65_536)).rejects.toMatchObject({ code: 'TAR_INVALID' });
  });

  test('xz with a check that nobody here knows is unsupported, not damaged', async () => {
    await expect(whole(program('xz', '--check=sha256')(data), 'xz', 65_536)).rejects.toMatchObject({
      code: 'ARCHIVE_UNSUPPORTED',
    });
  });
});

test('a reader that stops early leaves no file open', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lapidary-decompress-'));
  const path = join(directory, 'data');
  for (const [compression, packed] of [
    ['gzip', gzipSync(data)],
    ['zstd', zstdCompressSync(data)],
    ['xz', program('xz')(data)],
    ['bzip2', program('bzip2')(data)],
  ] as const) {
    await writeFile(path, packed);
    const source = createReadStream(path, { highWaterMark: 4096 });
    const closed = new Promise<void>((resolve) => {
      source.once('close', resolve);
    });
    for await (const piece of decompress(source, compression)) if (piece.length > 0) break;
    await closed;
    expect(source.closed).toBe(true);
  }
  await rm(directory, { recursive: true });
});

// The test runner loads CommonJS modules in a way of its own and would not notice
test('xz and bzip2 are loaded as Node itself loads them', async () => {
  const module = JSON.stringify(new URL('./decompress.ts', import.meta.url).href);
  const script = `import { decompress } from ${module};
    for (const [kind, hex] of JSON.parse(process.argv[1])) {
      for await (const piece of decompress((async function* () { yield Buffer.from(hex, 'hex'); })(), kind)) process.stdout.write(piece);
    }`;
  const parts = (['xz', 'bzip2'] as const).map((kind) => [
    kind,
    Buffer.from(program(kind)(Buffer.from(`${kind} `))).toString('hex'),
  ]);
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, JSON.stringify(parts)]);
  expect(output.toString()).toBe('xz bzip2 ');
});

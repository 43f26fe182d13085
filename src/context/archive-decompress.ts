import { pipeline, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { Compression } from '../oci/index.ts';

const LARGE = { chunkSize: 1024 * 1024 };
const HEAD = 6;

const MAGIC: readonly { readonly name: string; readonly bytes: readonly number[] }[] = [
  { name: 'gzip', bytes: [0x1f, 0x8b] },
  { name: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'bzip2', bytes: [0x42, 0x5a, 0x68] },
  { name: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
];

/**
 * How bytes that begin like this are compressed, as told by their magic number.
 * @throws LapidaryError ARCHIVE_UNSUPPORTED for bzip2 and xz
 */
export function sniffCompression(head: Uint8Array, name: string): Compression {
  const found = MAGIC.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte))?.name;
  if (found === undefined) return 'uncompressed';
  if (found === 'gzip' || found === 'zstd') return found;
  throw new LapidaryError('ARCHIVE_UNSUPPORTED', `${quoted(name)} is compressed with ${found}`, {
    hint: `decompress it first: ${found} -d`,
  });
}

/** A source decompressed according to its magic number. @throws LapidaryError ARCHIVE_UNSUPPORTED, TAR_INVALID */
export async function* decompressed(
  source: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD) {
    const { done, value } = await chunks.next();
    if (done) break;
    head.push(value);
    length += value.length;
  }
  const start = Buffer.concat(head);
  const compression = sniffCompression(start, name);
  const whole = prepend(start, chunks);
  if (compression === 'uncompressed') yield* whole;
  else
    yield* through(whole, compression === 'gzip' ? createGunzip(LARGE) : createZstdDecompress(LARGE), name);
}

async function* prepend(start: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (start.length > 0) yield start;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest.return?.();
  }
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  engine: Transform,
  name: string,
): AsyncGenerator<Uint8Array> {
  pipeline(source, engine, () => undefined); // its errors arrive in the iteration
  try {
    for await (const chunk of engine as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw new LapidaryError('TAR_INVALID', `${quoted(name)} does not decompress: ${messageOf(error)}`, {
      cause: error,
      hint: 'the archive is damaged: write it again',
    });
  }
}

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && /^(Z_|ZSTD_|ERR_ZLIB)/.test(String((error as NodeJS.ErrnoException).code));

import { PassThrough, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';

/** How a stream of bytes is compressed, told by its first bytes. */
export type StreamCompression = 'gzip' | 'bzip2' | 'xz' | 'zstd' | 'uncompressed';

const MAGIC: readonly (readonly [StreamCompression, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
];

/** By content, never by name. Needs the first 6 bytes. */
export function detectCompression(first: Uint8Array): StreamCompression {
  const found = MAGIC.find(([, magic]) => magic.every((byte, i) => first[i] === byte));
  return found?.[0] ?? 'uncompressed';
}

/** Whether a block of 512 bytes is a tar header: its checksum holds. */
export function looksLikeTar(block: Uint8Array): boolean {
  if (block.length < 512) return false;
  const field = new TextDecoder('latin1').decode(block.subarray(148, 156));
  const stored = /^[\0 ]*([0-7]+)[\0 ]*$/.exec(field)?.[1];
  if (stored === undefined) return false;
  let sum = 8 * 0x20;
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += block[i] ?? 0;
  return sum === Number.parseInt(stored, 8);
}

/**
 * The uncompressed bytes. `name` is what an error calls the source.
 * @throws LapidaryError TAR_INVALID when the data is damaged or cut off
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  compression: StreamCompression,
  name?: string,
): AsyncGenerator<Uint8Array> {
  if (compression === 'uncompressed') {
    yield* source;
    return;
  }
  try {
    yield* await open(source, compression);
  } catch (error) {
    if (error instanceof LapidaryError || isSystemError(error)) throw error;
    const subject = name === undefined ? `${compression} data` : quoted(name);
    throw new LapidaryError(
      'TAR_INVALID',
      `${subject} does not decompress, it is damaged or cut off: ${messageOf(error)}`,
      {
        hint: 'fetch or make the archive again',
        cause: error,
      },
    );
  }
}

/** Magic numbers are no longer than this. */
const HEAD = 6;

/** The same, however it is compressed. */
export async function* decompressAny(
  source: AsyncIterable<Uint8Array>,
  name?: string,
): AsyncGenerator<Uint8Array> {
  const chunks = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  while (head.length < HEAD) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  yield* decompress(prepend(head, chunks), detectCompression(head), name);
}

async function* prepend(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest.return?.();
  }
}

/** The source's own trouble (a file that cannot be read) is not damage of the data. */
function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | null)?.syscall === 'string';
}

async function open(
  source: AsyncIterable<Uint8Array>,
  compression: Exclude<StreamCompression, 'uncompressed'>,
): Promise<AsyncIterable<Uint8Array>> {
  switch (compression) {
    case 'gzip':
      return through(source, createGunzip({ chunkSize: 256 * 1024 }));
    case 'zstd':
      return through(source, createZstdDecompress({ chunkSize: 256 * 1024 }));
    case 'xz': {
      const { XzReadableStream } = await import('xz-decompress');
      const web = Readable.toWeb(Readable.from(source, { objectMode: false }));
      return new XzReadableStream(web);
    }
    case 'bzip2': {
      const { default: unbzip2 } = await import('unbzip2-stream');
      // A stream of the oldest kind, which cannot be iterated itself
      return through(through(source, unbzip2()), new PassThrough());
    }
  }
}

/** `pipe` with errors handed on, which `pipe` itself does not do: the loop that reads the output ends with them. */
function through<T extends NodeJS.WritableStream>(
  source: AsyncIterable<Uint8Array> | NodeJS.ReadableStream,
  next: T,
): T {
  const input = 'pipe' in source ? source : Readable.from(source, { objectMode: false });
  input.on('error', (error) => {
    next.emit('error', error);
  });
  input.pipe(next);
  return next;
}

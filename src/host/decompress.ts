import { PassThrough, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { peek } from './peek.ts';
import { cutAtFrames } from './zstd-frames.ts';

/** Inflating goes on, on another thread, while what is there is used: in pieces that make the way there and back cheap. */
const INFLATE = { chunkSize: 1024 * 1024, readableHighWaterMark: 1024 * 1024 } as const;

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
 * The uncompressed bytes. `name` is what an error calls the source, which is closed when the reader stops early.
 * @throws LapidaryError TAR_INVALID when the data is damaged or cut off, ARCHIVE_UNSUPPORTED
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
  const input = toReadable(compression === 'zstd' ? cutAtFrames(source) : source);
  try {
    yield* await open(input, compression);
  } catch (error) {
    if (error instanceof LapidaryError || isSystemError(error)) throw error;
    throw undecodable(error, name === undefined ? `${compression} data` : quoted(name));
  } finally {
    input.destroy();
  }
}

/** How xz-decompress words XZ_OPTIONS_ERROR of XZ Embedded: a filter or a check that it does not know. */
const XZ_UNSUPPORTED = 'get_next_output failed with error code 6';

function undecodable(error: unknown, subject: string): LapidaryError {
  if (messageOf(error) === XZ_UNSUPPORTED) {
    return new LapidaryError(
      'ARCHIVE_UNSUPPORTED',
      `${subject} uses a filter or check of xz that is not supported`,
      { hint: 'compress it again with the defaults of xz', cause: error },
    );
  }
  return new LapidaryError(
    'TAR_INVALID',
    `${subject} does not decompress, it is damaged or cut off: ${messageOf(error)}`,
    { hint: 'fetch or make the archive again', cause: error },
  );
}

function toReadable(source: AsyncIterable<Uint8Array>): Readable {
  return source instanceof Readable ? source : Readable.from(source, { objectMode: false });
}

/** Magic numbers are no longer than this. */
const HEAD = 6;

/** The same, however it is compressed. */
export async function* decompressAny(
  source: AsyncIterable<Uint8Array>,
  name?: string,
): AsyncGenerator<Uint8Array> {
  const { head, whole } = await peek(source, HEAD);
  yield* decompress(whole, detectCompression(head), name);
}

/** The source's own trouble (a file that cannot be read) is not damage of the data. */
function isSystemError(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException | null)?.syscall === 'string';
}

async function open(
  input: Readable,
  compression: Exclude<StreamCompression, 'uncompressed'>,
): Promise<AsyncIterable<Uint8Array>> {
  switch (compression) {
    case 'gzip':
      return through(input, createGunzip(INFLATE));
    case 'zstd':
      return through(input, createZstdDecompress(INFLATE));
    case 'xz': {
      // A CommonJS module whose names Node cannot see: they are all on its default export
      const { default: xz } = await import('xz-decompress');
      // Its own `cancel` throws when all the input was used up already; closing the input is enough
      return new xz.XzReadableStream(Readable.toWeb(input)).values({ preventCancel: true });
    }
    case 'bzip2': {
      const { default: unbzip2 } = await import('unbzip2-stream');
      // A stream of the oldest kind, which cannot be iterated itself
      return through(through(input, unbzip2()), new PassThrough());
    }
  }
}

/** `pipe` with errors handed on, which `pipe` itself does not do: the loop that reads the output ends with them. */
function through<T extends NodeJS.WritableStream>(input: NodeJS.ReadableStream, next: T): T {
  input.on('error', (error) => {
    next.emit('error', error);
  });
  input.pipe(next);
  return next;
}

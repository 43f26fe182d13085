import type { Transform } from 'node:stream';
import zlib, { crc32, createZstdCompress } from 'node:zlib';
import { type Compression, compressionLevel } from '../oci/index.ts';
import { type DeflateOptions, deflateBlocks } from './deflate-blocks.ts';
import { GZIP_HEADER, gzipTrailer } from './gzip-member.ts';

export type CompressStreamOptions = {
  /** Default: 5 for gzip, 3 for zstd. */
  readonly level?: number | undefined;
  /** Cores that gzip keeps busy; default: all there are. It never changes the result. */
  readonly threads?: number | undefined;
};

/**
 * The same bytes compressed, in one pass and with bounded memory. Equal input gives equal output whatever the
 * sizes of its chunks and the number of threads; the header carries no time, name or operating system. Ending the
 * iteration early ends the source's.
 * @throws LapidaryError USAGE for a level that the compression does not have
 */
export function compressStream(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  options: CompressStreamOptions = {},
): AsyncIterable<Uint8Array> {
  const level = compressionLevel(compression, options.level);
  if (level === undefined) return source;
  return compression === 'gzip'
    ? gzip(source, { level, threads: options.threads })
    : through(source, zstdEngine(level));
}

function zstdEngine(level: number): Transform {
  const params = {
    [zlib.constants.ZSTD_c_compressionLevel]: level,
    [zlib.constants.ZSTD_c_checksumFlag]: 1,
  };
  return createZstdCompress({ params, chunkSize: 256 * 1024 });
}

/** One member, as all readers of gzip know it. */
async function* gzip(source: AsyncIterable<Uint8Array>, options: DeflateOptions): AsyncGenerator<Uint8Array> {
  let crc = 0;
  let size = 0;
  async function* metered(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      crc = crc32(chunk, crc);
      size += chunk.length;
      yield chunk;
    }
  }
  yield GZIP_HEADER;
  yield* deflateBlocks(metered(), options);
  yield gzipTrailer(crc, size);
}

async function* through(source: AsyncIterable<Uint8Array>, engine: Transform): AsyncGenerator<Uint8Array> {
  feed(source, engine).catch((error: unknown) => engine.destroy(error as Error)); // arrives in the iteration
  for await (const chunk of engine as AsyncIterable<Uint8Array>) yield chunk;
}

/**
 * Ends the engine only after it took the last chunk: a chunk that is the last one and known to be is compressed in
 * another way by zstd, and whether it is known would be a matter of timing.
 */
async function feed(source: AsyncIterable<Uint8Array>, engine: Transform): Promise<void> {
  for await (const chunk of source) {
    await new Promise<void>((resolve, reject) => {
      engine.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
  engine.end();
}

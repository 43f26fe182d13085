import { availableParallelism } from 'node:os';
import zlib, { deflateRaw } from 'node:zlib';

/** Part of reproducibility: another size gives other bytes. */
const BLOCK = 1024 * 1024;
/** As far back as deflate can refer (RFC 1951). */
const WINDOW = 32 * 1024;
/** More than a block can become: stored blocks add 5 bytes each. */
const OUTPUT = BLOCK + BLOCK / 16;
/** zlib's greatest: longer hash chains are spared where much does not compress. Part of reproducibility. */
const MEM_LEVEL = 9;
/** Bounds memory: a block in work holds about 2.5 MiB, input, output and state. */
const MAX_THREADS = 16;

export type DeflateOptions = {
  readonly level: number;
  /** Cores to keep busy: one block more is in work. Default: all there are. It never changes the result. */
  readonly threads?: number | undefined;
};

/**
 * One raw deflate stream, made of blocks of 1 MiB that Node's thread pool compresses side by side. A block may refer to
 * the end of the one before it, as in a stream that is compressed in one piece, so its compression loses nothing; it is
 * only flushed to a whole byte. The bytes depend on the input and the level alone.
 *
 * The source is read as far as one block more than there are threads. Its chunks are never written to.
 */
export async function* deflateBlocks(
  source: AsyncIterable<Uint8Array>,
  { level, threads = availableParallelism() }: DeflateOptions,
): AsyncGenerator<Uint8Array> {
  const waiting: Waiting[] = [];
  const free: Block[] = [];
  let before: Block | undefined;
  for await (const block of blocksOf(source, free)) {
    const deflated = deflateBlock(block, { level, dictionary: before?.subarray(-WINDOW) });
    deflated.catch(() => undefined); // thrown when its turn comes, if it does
    waiting.push({ deflated, before });
    before = block;
    if (waiting.length > Math.min(threads, MAX_THREADS)) yield* inTurn(waiting, 1, free);
  }
  yield* inTurn(waiting, waiting.length, free);
}

type Block = Buffer<ArrayBuffer>;
/** A block in work, and the one before it, which it refers to: after that nobody needs the latter. */
type Waiting = { readonly deflated: Promise<Uint8Array>; readonly before: Block | undefined };

async function* inTurn(waiting: Waiting[], count: number, free: Block[]): AsyncGenerator<Uint8Array> {
  for (const { deflated, before } of waiting.splice(0, count)) {
    const bytes = await deflated;
    if (before !== undefined) free.push(before);
    yield bytes;
  }
}

/** Cuts into blocks of `BLOCK` bytes and one that is shorter, maybe empty: it is the last. Those that are free are used again. */
async function* blocksOf(source: AsyncIterable<Uint8Array>, free: Block[]): AsyncGenerator<Block> {
  const next = (): Block => free.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
  let block = next();
  let length = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + BLOCK - length);
      block.set(piece, length);
      length += piece.length;
      at += piece.length;
      if (length < BLOCK) continue;
      yield block;
      [block, length] = [next(), 0];
    }
  }
  yield block.subarray(0, length);
}

type BlockOptions = { readonly level: number; readonly dictionary: Uint8Array | undefined };

function deflateBlock(block: Uint8Array, { level, dictionary }: BlockOptions): Promise<Uint8Array> {
  const options = {
    level,
    memLevel: MEM_LEVEL,
    chunkSize: OUTPUT,
    finishFlush: block.length < BLOCK ? zlib.constants.Z_FINISH : zlib.constants.Z_SYNC_FLUSH,
    ...(dictionary === undefined ? {} : { dictionary }),
  };
  return new Promise((resolve, reject) => {
    deflateRaw(block, options, (error, deflated) => (error ? reject(error) : resolve(deflated)));
  });
}

import { createHash } from 'node:crypto';
import type { Digest } from '../oci/index.ts';
import { BlobUpload } from './blob-upload.ts';
import type { RequestBody } from './exchange.ts';
import { Fault } from './fault.ts';
import type { Patience } from './patience.ts';
import { type Place, pathIn, pushGrant } from './places.ts';
import { RegistryError } from './registry-error.ts';
import type { TransferOptions } from './types.ts';
import { UploadSession } from './upload-session.ts';

type Pushed = { readonly digest: Digest; readonly size: number };
type Source = () => AsyncIterable<Uint8Array>;

/** No registry makes a client hold more of a stream than this, whatever it says the least size of a chunk is. */
const MOST_HELD_BYTES = 64 * 1024 * 1024;

/** The stream goes in one piece then. */
class ChunksTooLarge extends Error {}

/** See `Repository.pushStream`. */
export async function pushStream(origin: Place, source: Source, options: TransferOptions): Promise<Pushed> {
  const patience = origin.host.patience(`POST ${pathIn(origin, 'blobs/uploads/')}`);
  while (origin.host.takesChunks) {
    const upload = new StreamUpload(origin, patience, options);
    try {
      return await upload.run(source);
    } catch (error) {
      if (error instanceof Fault) await patience.wait(error, options.signal);
      await upload.abandon();
      if (error instanceof ChunksTooLarge) break;
      if (refusesChunks(error)) origin.host.takesChunks = false;
      else if (!(error instanceof Fault)) throw error;
    }
  }
  return inOnePiece(origin, source, options);
}

/** Anything that the first PATCH may be refused with; what it really is shows when it is done without. */
function refusesChunks(error: unknown): boolean {
  const { method, status = 0 } = error instanceof RegistryError ? error : { method: '' };
  return method === 'PATCH' && [400, 404, 405, 411, 413, 415, 416, 501].includes(status);
}

/** The digest must be known before the upload begins: the source is read twice. */
async function inOnePiece(origin: Place, source: Source, options: TransferOptions): Promise<Pushed> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source()) {
    options.signal?.throwIfAborted();
    hash.update(chunk);
    size += chunk.length;
  }
  const digest = `sha256:${hash.digest('hex')}` as Digest;
  const parts = {
    blob: { digest, size },
    source: (offset: number) => after(source(), offset),
    options,
    session: undefined,
  };
  await new BlobUpload(origin, parts).run();
  return { digest, size };
}

async function* after(source: AsyncIterable<Uint8Array>, offset: number): AsyncGenerator<Uint8Array> {
  let skip = offset;
  for await (const chunk of source) {
    if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
    skip = Math.max(0, skip - chunk.length);
  }
}

/** Consecutive bytes of the stream, in the pieces they came in. */
type Chunk = { readonly start: number; readonly size: number; readonly pieces: readonly Uint8Array[] };

class StreamUpload {
  readonly #origin: Place;
  readonly #patience: Patience;
  readonly #options: TransferOptions;
  #session: UploadSession | undefined;

  constructor(origin: Place, patience: Patience, options: TransferOptions) {
    this.#origin = origin;
    this.#patience = patience;
    this.#options = options;
  }

  /** @throws Fault when the upload has to begin anew */
  async run(source: Source): Promise<Pushed> {
    const hash = createHash('sha256');
    let size = 0;
    let sending: Promise<void> = Promise.resolve();
    let last: Chunk | undefined;
    const { leastChunk } = await this.#open();
    if (leastChunk > MOST_HELD_BYTES) throw new ChunksTooLarge();
    const chunkBytes = Math.max(this.#origin.host.session.chunkBytes, leastChunk);
    for await (const chunk of chunksOf(source(), chunkBytes)) {
      await sending;
      if (last !== undefined) {
        sending = this.#send(last);
        // Reported when it is waited for
        sending.catch(() => undefined);
      }
      for (const piece of chunk.pieces) hash.update(piece);
      size += chunk.size;
      last = chunk;
    }
    await sending;
    const digest = `sha256:${hash.digest('hex')}` as Digest;
    await this.#complete(digest, last ?? { start: 0, size: 0, pieces: [] });
    this.#options.onProgress?.(size);
    return { digest, size };
  }

  /** What the registry holds of it is given back. */
  async abandon(): Promise<void> {
    await this.#session?.cancel();
  }

  /** A blob of one chunk goes with the request that completes it. */
  async #complete(digest: Digest, last: Chunk): Promise<void> {
    const session = await this.#open();
    if (session.offset === 0 && last.start === 0) return session.finish(digest, bodyOf(last, 0));
    await this.#send(last);
    await session.finish(digest);
  }

  async #open(): Promise<UploadSession> {
    const { signal } = this.#options;
    this.#session ??= await UploadSession.open(this.#origin, { grant: pushGrant(this.#origin), signal });
    if (this.#session === undefined) throw this.#lost('opened no upload');
    return this.#session;
  }

  /** Until the registry has the whole chunk. */
  async #send(chunk: Chunk): Promise<void> {
    const session = await this.#open();
    const end = chunk.start + chunk.size;
    while (session.offset < end) {
      const before = session.offset;
      try {
        await session.patch(bodyOf(chunk, before - chunk.start));
        if (session.offset <= before) throw this.#lost('took nothing');
        this.#patience.reached(session.offset);
        this.#options.onProgress?.(session.offset);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        await this.#patience.wait(error, this.#options.signal);
        await this.#findOut(session, chunk);
      }
    }
    if (session.offset > end) throw this.#lost('says it has more than was sent');
  }

  /** What came before the chunk is gone: if the registry lost that, the stream must be made again. */
  async #findOut(session: UploadSession, chunk: Chunk): Promise<void> {
    while (true) {
      try {
        await session.refresh();
        if (session.offset < chunk.start) throw this.#lost('lost what it had');
        this.#origin.host.session.emit({ type: 'resumed', digest: 'upload', offset: session.offset });
        return;
      } catch (error) {
        if (error instanceof RegistryError) throw this.#lost('lost the upload');
        if (!(error instanceof Fault) || error.restart) throw error;
        await this.#patience.wait(error, this.#options.signal);
      }
    }
  }

  #lost(what: string): Fault {
    const url = new URL(`https://${this.#origin.host.name}${pathIn(this.#origin, 'blobs/uploads/')}`);
    const reason = `the registry ${what}`;
    const error = new RegistryError('REGISTRY_FAILED', { method: 'PATCH', url, reason });
    return new Fault(reason, { error, restart: true });
  }
}

async function* chunksOf(source: AsyncIterable<Uint8Array>, chunkBytes: number): AsyncGenerator<Chunk> {
  let start = 0;
  let [size, pieces]: [number, Uint8Array[]] = [0, []];
  for await (const piece of source) {
    if (piece.length === 0) continue;
    pieces.push(piece);
    size += piece.length;
    if (size < chunkBytes) continue;
    yield { start, size, pieces };
    start += size;
    [size, pieces] = [0, []];
  }
  if (size > 0) yield { start, size, pieces };
}

function bodyOf({ pieces, size }: Chunk, from: number): RequestBody & { readonly size: number } {
  return {
    size: size - from,
    async *open() {
      let skip = from;
      for (const piece of pieces) {
        if (skip < piece.length) yield skip > 0 ? piece.subarray(skip) : piece;
        skip = Math.max(0, skip - piece.length);
      }
    },
  };
}

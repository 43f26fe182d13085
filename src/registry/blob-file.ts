import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { LapidaryError } from '../errors/index.ts';
import type { Descriptor } from '../oci/index.ts';
import { readBlob } from './blob-read.ts';
import type { Places } from './places.ts';
import type { TransferOptions } from './types.ts';

/** How much is written at once; as much again comes in meanwhile. */
const WRITE_BYTES = 1024 * 1024;

type Blob = Pick<Descriptor, 'digest' | 'size'>;
type FileFetch = TransferOptions & { readonly places: Places };

/** See `Repository.fetchBlobTo`. */
export async function fetchBlobTo(blob: Blob, path: string, options: FileFetch): Promise<void> {
  await using file = await open(path, 'a+', 0o600);
  try {
    await complete(file, blob, { ...options, originOnly: false });
  } catch (error) {
    if (!isMismatch(error)) throw error;
    options.places.origin.host.session.emit({ type: 'refetch', digest: blob.digest });
    await file.truncate(0);
    try {
      // A mirror may be what is damaged
      await complete(file, blob, { ...options, originOnly: true });
    } catch (again) {
      if (isMismatch(again)) await rm(path, { force: true });
      throw again;
    }
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof LapidaryError && error.code === 'DIGEST_MISMATCH';
}

/** Appends what is missing and verifies the whole. */
async function complete(
  file: FileHandle,
  blob: Blob,
  options: FileFetch & { readonly originOnly: boolean },
): Promise<void> {
  const { places, signal, onProgress, originOnly } = options;
  const have = await digestPresent(file, blob.size, signal);
  const writer = new BatchWriter(file);
  let done = have.size;
  try {
    for await (const chunk of readBlob(places, blob, { signal, originOnly, have })) {
      await writer.write(chunk);
      done += chunk.length;
      onProgress?.(done);
    }
  } finally {
    // What came before a fault is kept to go on from
    await writer.flush();
  }
}

/** Digests what is there. More than there may be is none of it. */
async function digestPresent(
  file: FileHandle,
  maxSize: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly size: number; readonly hash: Hash }> {
  const hash = createHash('sha256');
  const { size } = await file.stat();
  if (size > maxSize) await file.truncate(0);
  if (size === 0 || size > maxSize) return { size: 0, hash };
  const buffer = Buffer.allocUnsafe(WRITE_BYTES);
  let at = 0;
  while (at < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
    if (bytesRead === 0) break;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
  return { size: at, hash };
}

/** Appends to a file in large pieces, one of which is being written while the next comes together. */
class BatchWriter {
  readonly #file: FileHandle;
  #batch: Uint8Array[] = [];
  #size = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#batch.push(chunk);
    this.#size += chunk.length;
    if (this.#size < WRITE_BYTES) return;
    await this.#writing;
    this.#start();
  }

  async flush(): Promise<void> {
    await this.#writing;
    this.#start();
    await this.#writing;
  }

  #start(): void {
    const batch = this.#batch;
    [this.#batch, this.#size] = [[], 0];
    this.#writing = batch.length === 0 ? Promise.resolve() : writeAll(this.#file, batch);
    // Reported by whoever waits for it next
    this.#writing.catch(() => undefined);
  }
}

async function writeAll(file: FileHandle, batch: readonly Uint8Array[]): Promise<void> {
  const size = batch.reduce((sum, { length }) => sum + length, 0);
  const { bytesWritten } = await file.writev(batch);
  if (bytesWritten === size) return;
  let rest = Buffer.concat(batch).subarray(bytesWritten);
  while (rest.length > 0) rest = rest.subarray((await file.write(rest)).bytesWritten);
}

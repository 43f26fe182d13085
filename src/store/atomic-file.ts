import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { isMissing, storeError } from './store-error.ts';

/** A name in a work directory that no other process uses. */
export function temporaryName(work: string): string {
  return join(work, `${process.pid}-${randomBytes(8).toString('hex')}`);
}

export type AtomicOptions = {
  /** Directory for the unfinished file, on the same filesystem. */
  readonly work: string;
  /** False where a reader can tell a damaged file and do without it: saves waiting for the disk. */
  readonly sync: boolean;
};

/**
 * Writes a small file: complete at `path`, or not there. An old file is replaced in one step. Synced first, so that
 * the name never outlives the bytes.
 */
export function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string | readonly Uint8Array[],
  { work, sync }: AtomicOptions,
): void {
  const temporary = temporaryName(work);
  try {
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      for (const piece of piecesOf(bytes)) writeAllSync(fd, piece);
      if (sync) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    moveInto(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw storeError(error, path);
  }
}

function piecesOf(bytes: Uint8Array | string | readonly Uint8Array[]): readonly Uint8Array[] {
  if (typeof bytes === 'string') return [Buffer.from(bytes)];
  return bytes instanceof Uint8Array ? [bytes] : bytes;
}

/** Moves a finished file to its place and makes the directory above it if it is missing. */
export function moveInto(temporary: string, path: string): void {
  try {
    renameSync(temporary, path);
  } catch (error) {
    if (!isMissing(error) || !existsSync(temporary)) throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    renameSync(temporary, path);
  }
}

export function writeAllSync(fd: number, bytes: Uint8Array): void {
  let done = 0;
  while (done < bytes.length) done += writeSync(fd, bytes, done, bytes.length - done);
}

/**
 * A new file that is written from its beginning, at once and on this thread: to hand every piece to another one and
 * back takes longer than to write it.
 */
export class NewFile implements Disposable {
  readonly #fd: number;

  /** @throws when the file is there */
  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o600);
  }

  write(bytes: Uint8Array): void {
    writeAllSync(this.#fd, bytes);
  }

  /** Waits until its bytes are on the disk. */
  sync(): void {
    fsyncSync(this.#fd);
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

export async function writeAll(
  file: { write(data: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }> },
  chunk: Uint8Array,
): Promise<void> {
  let done = 0;
  while (done < chunk.length) done += (await file.write(chunk, done, chunk.length - done)).bytesWritten;
}

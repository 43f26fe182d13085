import { createReadStream } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { BlobStore } from '../solve/index.ts';
import {
  type ExpectedBlob,
  type ImageFiles,
  mismatch,
  missingFile,
  type PutBlob,
  putVerified,
  tooLarge,
} from './image-archive-files.ts';

const READ_SIZE = 1024 * 1024;

/** An OCI layout directory. A file that is a symbolic link counts as missing. */
export class LayoutDirectory implements ImageFiles {
  readonly name: string;
  readonly #blobs: BlobStore;
  readonly #signal: AbortSignal | undefined;

  constructor(path: string, blobs: BlobStore, signal: AbortSignal | undefined) {
    this.name = path;
    this.#blobs = blobs;
    this.#signal = signal;
  }

  async has(path: string): Promise<boolean> {
    return (await this.#size(path)) !== undefined;
  }

  async read(path: string, maxBytes: number): Promise<Uint8Array> {
    const size = await this.#size(path);
    if (size === undefined) throw missingFile(this, path);
    if (size > maxBytes) throw tooLarge(this, path, maxBytes);
    const bytes = Buffer.alloc(size + 1);
    await using file = await open(join(this.name, path), 'r');
    let length = 0;
    while (length <= size) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) return bytes.subarray(0, length);
      length += bytesRead;
    }
    throw new LapidaryError(
      'CONTEXT_CHANGED',
      `${quoted(path)} in ${quoted(this.name)} changed while it was read`,
    );
  }

  async toBlob(path: string, expect?: ExpectedBlob): Promise<PutBlob> {
    if (!(await this.has(path))) throw missingFile(this, path);
    const source = createReadStream(join(this.name, path), { highWaterMark: READ_SIZE });
    try {
      return await putVerified(this.#blobs, source, { expect, signal: this.#signal });
    } catch (error) {
      throw mismatch(this, path, error);
    } finally {
      source.destroy();
    }
  }

  async #size(path: string): Promise<number | undefined> {
    try {
      const found = await lstat(join(this.name, path));
      return found.isFile() ? found.size : undefined;
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code;
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
      throw new LapidaryError(
        'CONTEXT_UNREADABLE',
        `${quoted(path)} in ${quoted(this.name)} cannot be read: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
}

import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { contextChanged, openContextFile } from '../host/index.ts';
import type { Digest } from '../oci/index.ts';
import { nextTurn, turnIsOver } from '../solve/index.ts';
import type { ContentRef, FileNode } from '../tree/index.ts';
import { writeAllSync } from './atomic-file.ts';

const CHUNK = 1024 * 1024;

/** Writes file contents one after another into one file. Small ones are gathered into large writes. */
export class PackWriter implements Disposable {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  #filled = 0;
  #size = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'wx', 0o600);
  }

  /** Bytes so far: the offset of the next content. */
  get size(): number {
    return this.#size;
  }

  /** Appends a file's contents, which must have the digest it says. @throws LapidaryError CONTEXT_CHANGED */
  async add(file: FileNode, content: Extract<ContentRef, { kind: 'bytes' | 'host' }>): Promise<void> {
    const digest =
      content.kind === 'bytes' ? this.#addBytes(content.bytes) : await this.#addHost(content.path, file.size);
    if (digest === file.digest) return;
    const name = content.kind === 'host' ? content.path : 'a file in memory';
    throw contextChanged(name);
  }

  /** Call once when everything is added. */
  finish(): void {
    this.#flush();
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  #addBytes(bytes: Uint8Array): Digest {
    this.#append(bytes);
    return `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  }

  async #addHost(path: string, size: number): Promise<Digest> {
    const hash = createHash('sha256');
    const fd = openContextFile(path);
    try {
      if (fstatSync(fd).size !== size) throw contextChanged(path);
      for (let left = size; left > 0; ) {
        if (this.#filled === CHUNK) this.#flush();
        const count = readSync(fd, this.#buffer, this.#filled, Math.min(left, CHUNK - this.#filled), null);
        if (count === 0) throw contextChanged(path);
        hash.update(this.#buffer.subarray(this.#filled, this.#filled + count));
        this.#filled += count;
        this.#size += count;
        left -= count;
        if (turnIsOver()) await nextTurn();
      }
    } finally {
      closeSync(fd);
    }
    return `sha256:${hash.digest('hex')}` as Digest;
  }

  #append(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      if (this.#filled === CHUNK) this.#flush();
      const part = bytes.subarray(done, done + CHUNK - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
    }
    this.#size += bytes.length;
  }

  #flush(): void {
    writeAllSync(this.#fd, this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

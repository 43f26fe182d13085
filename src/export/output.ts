import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type FileHandle, lstat, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import { errnoOf } from './write-error.ts';

/** A left-over temporary file is only taken for abandoned when nobody wrote to it for this long. */
const ABANDONED_MS = 60 * 60 * 1000;

/**
 * Where the bytes of an archive go. Nothing is at the destination before `commit`; disposing without it leaves
 * no trace and an existing destination untouched (a stream that was written to cannot be taken back).
 */
export interface Output extends AsyncDisposable {
  /** Bytes written so far. */
  readonly size: number;
  write(chunk: Uint8Array): Promise<void>;
  commit(): Promise<void>;
}

export type OutputTarget = {
  readonly dest: string;
  /** Where `-` goes. */
  readonly stdout: NodeJS.WritableStream | undefined;
  readonly signal: AbortSignal | undefined;
};

/** Opens a file, a device or pipe (written in place), or the stream for `-`. */
export async function openOutput({ dest, stdout, signal }: OutputTarget): Promise<Output> {
  if (dest !== '-') return openFile(dest);
  if (stdout !== undefined) return new StreamOutput(stdout, signal);
  throw new LapidaryError('EXPORT_FAILED', 'there is no stream for the destination "-"', {
    hint: 'name a file with dest=',
  });
}

async function openFile(dest: string): Promise<Output> {
  const found = await stat(dest).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined) return FileOutput.open(dest);
  if (found.isDirectory()) {
    throw new LapidaryError('EXPORT_FAILED', `the destination ${quoted(dest)} is a directory`, {
      hint: `name a file in it, such as ${quoted(join(dest, 'image.tar'))}`,
    });
  }
  // a link keeps pointing at the new archive
  if (found.isFile()) return FileOutput.open(await realpath(dest));
  return new DeviceOutput(await open(dest, 'w'));
}

/**
 * A file that appears complete, or not at all, however the process ends: written beside its destination, then renamed.
 * It is not waited for until it is on the disk, which takes as long as to write it; no copy of a file has that.
 */
export class FileOutput implements Output {
  readonly #dest: string;
  readonly #temporary: string;
  #handle: FileHandle | undefined;
  #size = 0;
  #committed = false;

  private constructor(dest: string, temporary: string, handle: FileHandle) {
    this.#dest = dest;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /** `folder` is where the temporary file lives: on the same filesystem; default beside `dest`. */
  static async open(dest: string, folder: string = dirname(dest)): Promise<FileOutput> {
    const prefix = `.${basename(dest).slice(0, 100)}.lapidary-`;
    await removeAbandoned(folder, prefix);
    const temporary = join(folder, `${prefix}${randomBytes(6).toString('hex')}`);
    return new FileOutput(dest, temporary, await open(temporary, 'wx', 0o666));
  }

  get size(): number {
    return this.#size;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#handle === undefined) throw new Error('write after close');
    await writeAll(this.#handle, chunk);
    this.#size += chunk.length;
  }

  async commit(): Promise<void> {
    await this.#close();
    await rename(this.#temporary, this.#dest);
    this.#committed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
    if (!this.#committed) await rm(this.#temporary, { force: true });
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }
}

class DeviceOutput implements Output {
  readonly #handle: FileHandle;
  size = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await writeAll(this.#handle, chunk);
    this.size += chunk.length;
  }

  async commit(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

class StreamOutput implements Output {
  readonly #stream: NodeJS.WritableStream;
  readonly #broken = new AbortController();
  readonly #stop: AbortSignal;
  readonly #onError = (error: Error): void => this.#broken.abort(error);
  readonly #onClose = (): void => this.#broken.abort(closedEarly());
  size = 0;

  constructor(stream: NodeJS.WritableStream, signal: AbortSignal | undefined) {
    this.#stream = stream;
    this.#stop = AbortSignal.any([this.#broken.signal, ...(signal === undefined ? [] : [signal])]);
    stream.on('error', this.#onError).on('close', this.#onClose);
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#stop.throwIfAborted();
    this.size += chunk.length;
    if (this.#stream.write(chunk)) return;
    try {
      await once(this.#stream as NodeJS.EventEmitter, 'drain', { signal: this.#stop });
    } catch (error) {
      this.#stop.throwIfAborted(); // the stream's own error, not the AbortError that carries it
      throw error;
    }
  }

  /** Waits until the stream has taken everything. */
  async commit(): Promise<void> {
    this.#stop.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      this.#stop.addEventListener('abort', () => reject(this.#stop.reason as Error), { once: true });
      this.#stream.write('', (error) => (error ? reject(error) : resolve()));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stream.removeListener('error', this.#onError).removeListener('close', this.#onClose);
    return Promise.resolve();
  }
}

function closedEarly(): LapidaryError {
  return new LapidaryError('EXPORT_FAILED', 'the output stream was closed before everything was written', {
    hint: 'look at the program that reads the output',
  });
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  let done = 0;
  while (done < chunk.length) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done);
    done += bytesWritten;
  }
}

/** Removes what killed processes left behind for this very destination. */
async function removeAbandoned(folder: string, prefix: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  for (const name of names) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() && Date.now() - found.mtimeMs > ABANDONED_MS) await rm(path, { force: true });
  }
}

import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { markUnsettled } from '../host/index.ts';
import { type Digest, hexOf } from '../oci/index.ts';
import { moveInto, writeAll } from './atomic-file.ts';
import { storeError } from './store-error.ts';

const READ_SIZE = 256 * 1024;

/** A blob in the making that can be read from its beginning before its end is there. */
export type Spool = {
  /** All of its bytes as they come, again for every call. Throws what ended the source. */
  readonly open: () => AsyncIterable<Uint8Array>;
  /** Resolves once the blob is in the store. */
  readonly done: Promise<{ readonly digest: Digest; readonly size: number }>;
};

export type SpoolPaths = {
  readonly temporary: string;
  /** Where it is marked that its bytes may not be on the disk yet. */
  readonly unsettled: string;
  readonly finalOf: (digest: Digest) => string;
};

/** The writer never waits for readers: the disk is what is between them, and memory stays small. */
export function startSpool(source: AsyncIterable<Uint8Array>, paths: SpoolPaths): Spool {
  const state = new State(paths.temporary);
  const done = write(source, state, paths);
  // Readers see it too; without one nothing may be reported as unhandled
  done.catch((error: unknown) => state.fail(error));
  return { open: () => read(state), done };
}

class State {
  readonly ready: Promise<FileHandle>;
  /** Bytes on disk. */
  size = 0;
  ended = false;
  path: string;
  #error: { readonly reason: unknown } | undefined;
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(path: string) {
    this.path = path;
    this.ready = open(path, 'wx', 0o600);
    this.ready.catch(() => undefined);
  }

  grow(bytes: number): void {
    this.size += bytes;
    this.#tell();
  }

  end(path: string): void {
    this.path = path;
    this.ended = true;
    this.#tell();
  }

  fail(reason: unknown): void {
    this.#error ??= { reason };
    this.#tell();
  }

  /** Until something has changed. */
  async change(): Promise<void> {
    if (this.#error === undefined) await this.#wake.promise;
  }

  check(): void {
    if (this.#error !== undefined) throw this.#error.reason;
  }

  #tell(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

async function write(
  source: AsyncIterable<Uint8Array>,
  state: State,
  { temporary, unsettled, finalOf }: SpoolPaths,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  try {
    await using file = await state.ready;
    const hash = createHash('sha256');
    for await (const chunk of source) {
      hash.update(chunk);
      await writeAll(file, chunk);
      state.grow(chunk.length);
    }
    const digest = `sha256:${hash.digest('hex')}` as Digest;
    markUnsettled(unsettled, { kind: 'blob', name: hexOf(digest) });
    moveInto(temporary, finalOf(digest));
    state.end(finalOf(digest));
    return { digest, size: state.size };
  } catch (error) {
    rmSync(temporary, { force: true });
    throw storeError(error, temporary);
  }
}

async function* read(state: State): AsyncGenerator<Uint8Array> {
  await state.ready;
  state.check();
  await using file = await open(state.path, 'r');
  for (let at = 0; ; ) {
    state.check();
    if (at < state.size) {
      const length = Math.min(READ_SIZE, state.size - at);
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    } else if (state.ended) return;
    else await state.change();
  }
}

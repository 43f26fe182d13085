import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LapidaryError } from '../errors/index.ts';
import { markUnsettled } from '../host/index.ts';
import { type Digest, hexOf, sha256 } from '../oci/index.ts';
import { type BlobStore, nextTurn, type StorePaths, turnIsOver } from '../solve/index.ts';
import { moveInto, NewFile, temporaryName, writeFileAtomic } from './atomic-file.ts';
import { type Receiving, type Rest, receiveBlob } from './partial-blobs.ts';
import { type Spool, startSpool } from './spool.ts';
import { fromOutside, storeError } from './store-error.ts';

/** What `readBytes` reads at the most: manifests and configurations are far smaller. */
const MAX_BYTES = 16 * 1024 * 1024;

type Stored = { readonly digest: Digest; readonly size: number };

export class FileBlobStore implements BlobStore, Receiving {
  readonly #directory: string;
  readonly #work: string;
  readonly #unsettled: string;
  readonly #partial: string;

  /** `partial` is where blobs that are not whole yet wait between two attempts. */
  constructor(
    directory: string,
    { work, unsettled, partial }: Pick<StorePaths, 'work' | 'unsettled'> & { readonly partial: string },
  ) {
    this.#directory = directory;
    this.#work = work;
    this.#unsettled = unsettled;
    this.#partial = partial;
  }

  has(digest: Digest): Promise<boolean> {
    return Promise.resolve(existsSync(this.#pathOf(digest)));
  }

  path(digest: Digest): string {
    const path = this.#pathOf(digest);
    if (existsSync(path)) return path;
    throw new LapidaryError('STORE_CORRUPT', `the blob ${digest} is not in the store`, {
      hint: 'load or build the image again',
    });
  }

  readBytes(digest: Digest): Promise<Uint8Array> {
    return Promise.try(() => {
      const path = this.path(digest);
      if (statSync(path).size > MAX_BYTES) {
        throw new LapidaryError('STORE_CORRUPT', `the blob ${digest} is too large to be a document`);
      }
      const bytes = readFileSync(path);
      if (sha256(bytes) === digest) return bytes;
      throw new LapidaryError('STORE_CORRUPT', `the blob ${digest} no longer has this digest`, {
        hint: `remove ${path} and load or build the image again`,
      });
    });
  }

  async putBytes(bytes: Uint8Array): Promise<Stored> {
    const digest = sha256(bytes);
    if (!(await this.has(digest)))
      writeFileAtomic(this.#pathOf(digest), bytes, { work: this.#work, sync: true });
    return { digest, size: bytes.length };
  }

  async putStream(
    source: AsyncIterable<Uint8Array>,
    { expect, signal }: { readonly expect?: Stored; readonly signal?: AbortSignal },
  ): Promise<Stored> {
    if (expect !== undefined && (await this.has(expect.digest))) return expect;
    const temporary = temporaryName(this.#work);
    try {
      const stored = await writeHashed(temporary, fromOutside(source), { expect, signal });
      markUnsettled(this.#unsettled, { kind: 'blob', name: hexOf(stored.digest) });
      moveInto(temporary, this.#pathOf(stored.digest));
      return stored;
    } catch (error) {
      rmSync(temporary, { force: true });
      signal?.throwIfAborted();
      throw storeError(error, this.#directory);
    }
  }

  async *receive(expect: Stored, rest: Rest): AsyncGenerator<Uint8Array> {
    const final = this.#pathOf(expect.digest);
    try {
      yield* receiveBlob(expect, rest, {
        partial: this.#partial,
        work: this.#work,
        unsettled: this.#unsettled,
        final,
      });
    } catch (error) {
      throw storeError(error, this.#directory);
    }
  }

  spool(source: AsyncIterable<Uint8Array>): Spool {
    return startSpool(fromOutside(source), {
      temporary: temporaryName(this.#work),
      unsettled: this.#unsettled,
      finalOf: (digest) => this.#pathOf(digest),
    });
  }

  #pathOf(digest: Digest): string {
    return join(this.#directory, 'sha256', hexOf(digest));
  }
}

async function writeHashed(
  path: string,
  source: AsyncIterable<Uint8Array>,
  { expect, signal }: { readonly expect: Stored | undefined; readonly signal: AbortSignal | undefined },
): Promise<Stored> {
  using file = new NewFile(path);
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source) {
    signal?.throwIfAborted();
    size += chunk.length;
    if (expect !== undefined && size > expect.size) throw wrongSize(expect, `more than ${expect.size}`);
    hash.update(chunk);
    file.write(chunk);
    if (turnIsOver()) await nextTurn();
  }
  const digest = `sha256:${hash.digest('hex')}` as Digest;
  if (expect !== undefined && size !== expect.size) throw wrongSize(expect, String(size));
  if (expect !== undefined && digest !== expect.digest) {
    throw new LapidaryError('DIGEST_MISMATCH', `a blob was promised as ${expect.digest} but is ${digest}`, {
      hint: 'its source is damaged or was changed: fetch it again',
    });
  }
  return { digest, size };
}

function wrongSize(expect: Stored, size: string): LapidaryError {
  return new LapidaryError(
    'DIGEST_MISMATCH',
    `the blob ${expect.digest} has ${size} bytes instead of ${expect.size}`,
    {
      hint: 'its source is damaged or was cut off: fetch it again',
    },
  );
}

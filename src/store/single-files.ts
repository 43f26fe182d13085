import { createHash } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LapidaryError } from '../errors/index.ts';
import { type Digest, hexOf } from '../oci/index.ts';
import { type FileStore, nextTurn, type StoredFile, type StorePaths, turnIsOver } from '../solve/index.ts';
import { moveInto, NewFile, temporaryName } from './atomic-file.ts';
import { fromOutside, storeError } from './store-error.ts';

/** Each file is a pack of its own, so that layers refer to it as it is. */
export class SingleFiles implements FileStore {
  readonly #paths: StorePaths;

  constructor(paths: StorePaths) {
    this.#paths = paths;
  }

  async keep(
    source: AsyncIterable<Uint8Array>,
    { maxBytes, signal }: Parameters<FileStore['keep']>[1],
  ): Promise<StoredFile> {
    const temporary = temporaryName(this.#paths.work);
    try {
      const { digest, size } = await receive(temporary, fromOutside(source), { maxBytes, signal });
      moveInto(temporary, this.#path(digest));
      return stored(digest, size);
    } catch (error) {
      rmSync(temporary, { force: true });
      signal.throwIfAborted();
      throw storeError(error, this.#paths.packs);
    }
  }

  find(digest: Digest): Promise<StoredFile | undefined> {
    const stats = statSync(this.#path(digest), { throwIfNoEntry: false });
    return Promise.resolve(stats && stored(digest, stats.size));
  }

  #path(digest: Digest): string {
    return join(this.#paths.packs, packOf(digest));
  }
}

const packOf = (digest: Digest): string => `file-${hexOf(digest)}`;

function stored(digest: Digest, size: number): StoredFile {
  return { digest, size, content: { kind: 'pack', pack: packOf(digest), offset: 0 } };
}

async function receive(
  path: string,
  source: AsyncIterable<Uint8Array>,
  { maxBytes, signal }: Parameters<FileStore['keep']>[1],
): Promise<{ readonly digest: Digest; readonly size: number }> {
  using file = new NewFile(path);
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source) {
    signal.throwIfAborted();
    size += chunk.length;
    if (size > maxBytes) {
      throw new LapidaryError(
        'FETCH_FAILED',
        `the file has more than the ${maxBytes} bytes that are fetched`,
      );
    }
    hash.update(chunk);
    file.write(chunk);
    if (turnIsOver()) await nextTurn();
  }
  // It is believed by its name alone
  file.sync();
  return { digest: `sha256:${hash.digest('hex')}` as Digest, size };
}

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FactStore } from '../solve/index.ts';
import { writeFileAtomic } from './atomic-file.ts';
import { isMissing, storeError } from './store-error.ts';

/** One small file per fact, called by the hash of its key: `["key","value"]`. */
export class FileFactStore implements FactStore {
  readonly #directory: string;
  readonly #work: string;

  constructor(directory: string, work: string) {
    this.#directory = directory;
    this.#work = work;
  }

  get(key: string): Promise<string | undefined> {
    return Promise.try(() => {
      try {
        return parseFact(readFileSync(this.#path(key), 'utf8'), key);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw storeError(error, this.#path(key));
      }
    });
  }

  async put(key: string, value: string): Promise<void> {
    if ((await this.get(key)) === value) return;
    writeFileAtomic(this.#path(key), JSON.stringify([key, value]), { work: this.#work, sync: false });
  }

  #path(key: string): string {
    const hex = createHash('sha256').update(key).digest('hex');
    return join(this.#directory, hex.slice(0, 2), hex.slice(2));
  }
}

/** `undefined` for anything that is not this fact, whole. */
function parseFact(text: string, key: string): string | undefined {
  try {
    const fact = JSON.parse(text) as unknown;
    if (!Array.isArray(fact) || fact.length !== 2 || fact[0] !== key) return undefined;
    return typeof fact[1] === 'string' ? fact[1] : undefined;
  } catch {
    return undefined;
  }
}

import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import { decodePathText, encodePathText } from '../tar/index.ts';

/** Looks at files below a directory of the host. Paths are relative texts; errors are CONTEXT_UNREADABLE and name them. */
export class HostDirectory {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** `undefined` where nothing can be. */
  lstat(path: string): BigIntStats | undefined {
    try {
      return lstatSync(this.host(path), { bigint: true, throwIfNoEntry: false });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined;
      throw unreadable(path, error);
    }
  }

  readlink(path: string): string {
    try {
      return decodePathText(readlinkSync(this.host(path), { encoding: 'buffer' }));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  list(directory: string): string[] {
    try {
      return readdirSync(this.host(directory), { encoding: 'buffer' }).map(decodePathText);
    } catch (error) {
      throw unreadable(directory, error);
    }
  }

  host(path: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.#root}/`), encodePathText(path)]);
  }
}

function unreadable(path: string, error: unknown): LapidaryError {
  const code = (error as NodeJS.ErrnoException).code;
  return new LapidaryError(
    'CONTEXT_UNREADABLE',
    `${quoted(path || '.')} of the build context cannot be read (${code})`,
    {
      hint: 'check its permissions, or exclude it in .dockerignore',
      cause: error,
    },
  );
}

import { LapidaryError, messageOf, quoted } from '../errors/index.ts';

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space on this filesystem, or use another store with --store',
  EDQUOT: 'the quota is used up: free some space, or use another store with --store',
  EACCES: 'the store belongs to another user: use another one with --store',
  EPERM: 'the store belongs to another user: use another one with --store',
  EROFS: 'the filesystem is read-only: use another store with --store',
};

/** An error of the operating system as one that the user can act on; anything else is returned as it is. */
export function storeError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (error instanceof LapidaryError || !isErrno(code)) return error;
  const what = code === 'ENOSPC' ? 'no space left on device' : code;
  return new LapidaryError('STORE_FAILED', `the store cannot use ${quoted(path)} (${what})`, {
    hint: HINTS[code] ?? 'check the filesystem that holds the store',
    cause: error,
  });
}

function isErrno(code: unknown): code is string {
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code);
}

/** The same bytes; that they cannot be read is not the store's trouble. @throws LapidaryError CONTEXT_UNREADABLE */
export async function* fromOutside(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (error) {
    if (error instanceof LapidaryError || !isErrno((error as NodeJS.ErrnoException | undefined)?.code))
      throw error;
    throw new LapidaryError(
      'CONTEXT_UNREADABLE',
      `what is to be stored cannot be read: ${messageOf(error)}`,
      {
        hint: 'check that the file is there and may be read',
        cause: error,
      },
    );
  }
}

export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

import { LapidaryError, quoted } from '../errors/index.ts';

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
  if (error instanceof LapidaryError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  const what = code === 'ENOSPC' ? 'no space left on device' : code;
  return new LapidaryError('STORE_FAILED', `the store cannot use ${quoted(path)} (${what})`, {
    hint: HINTS[code] ?? 'check the filesystem that holds the store',
    cause: error,
  });
}

export function isMissing(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

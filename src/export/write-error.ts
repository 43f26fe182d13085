import { LapidaryError, messageOf, quoted } from '../errors/index.ts';

const REASONS: Readonly<Record<string, { readonly text: string; readonly hint: string }>> = {
  ENOSPC: { text: 'no space left on device', hint: 'free some space, or choose another destination' },
  EDQUOT: { text: 'disk quota exceeded', hint: 'free some space, or choose another destination' },
  EFBIG: { text: 'file too large for its filesystem', hint: 'choose another destination' },
  EACCES: { text: 'permission denied', hint: 'choose a destination that you may write to' },
  EPERM: { text: 'operation not permitted', hint: 'choose a destination that you may write to' },
  EROFS: { text: 'read-only filesystem', hint: 'choose a destination that you may write to' },
  ENOENT: { text: 'its directory does not exist', hint: 'create the directory first' },
  ENOTDIR: { text: 'a part of its path is not a directory', hint: 'choose another destination' },
  EISDIR: { text: 'it is a directory', hint: 'name a file' },
  EPIPE: { text: 'the reader went away', hint: 'look at the program that reads the output' },
};

/** The `code` of a system error, such as `ENOENT`; `undefined` for anything else. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/**
 * What to throw when writing `dest` failed: LapidaryErrors as they are, system errors as EXPORT_FAILED with the
 * destination and what to do, and anything else (a bug) as it is.
 */
export function writeError(error: unknown, dest: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof LapidaryError || errno === undefined) return error;
  const reason = REASONS[errno];
  return new LapidaryError(
    'EXPORT_FAILED',
    `${reason?.text ?? messageOf(error)} while writing ${quoted(dest)}`,
    { hint: reason?.hint, cause: error },
  );
}

/** Runs `write`; an abort rejects with the signal's reason, everything else with `writeError`. */
export async function writing<T>(
  dest: string,
  signal: AbortSignal | undefined,
  write: () => Promise<T>,
): Promise<T> {
  try {
    signal?.throwIfAborted();
    return await write();
  } catch (error) {
    signal?.throwIfAborted();
    throw writeError(error, dest);
  }
}

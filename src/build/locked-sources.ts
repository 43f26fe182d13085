import { LapidaryError, quoted } from '../errors/index.ts';
import { isDigest } from '../oci/index.ts';
import { type GitRef, redacted } from '../plan/index.ts';
import type { RemoteSources } from '../solve/index.ts';
import type { Lock } from './lock-file.ts';

/** Under what a lock file has a file. */
export const fileLockKey = (url: string): string => redacted(url);

/** Under what it has what a reference of a repository leads to. */
export function gitLockKey({ remote, ref }: GitRef): string {
  return `${redacted(remote)}${ref === undefined ? '' : `#${ref}`}`;
}

/** Files and repositories as a lock file has them: what it does not name is an error. */
export function lockedSources(
  lock: Lock,
  { path, remote }: { readonly path: string; readonly remote: RemoteSources },
): RemoteSources {
  return {
    async http({ url, checksum }, signal) {
      const key = fileLockKey(url);
      const locked = lock.files[key];
      if (locked === undefined) throw incomplete(path, `the file ${quoted(key)}`);
      if (checksum !== undefined && isDigest(checksum) && checksum !== locked) {
        throw mismatch(path, `${quoted(key)} is to have the checksum ${checksum}`, locked);
      }
      // Any other algorithm is asked for beside the digest
      const own = checksum !== undefined && !isDigest(checksum) ? { checksum } : { checksum: locked };
      const file = await telling(path, key, () => remote.http({ url, ...own }, signal));
      if (file.digest !== locked)
        throw mismatch(path, `${quoted(key)} has the digest ${file.digest}`, locked);
      return { ...file, load: () => telling(path, key, () => file.load()) };
    },
    async git(ref, signal) {
      const key = gitLockKey(ref);
      const commit = lock.git[key];
      if (commit === undefined) throw incomplete(path, `the repository ${quoted(key)}`);
      return telling(path, key, () => remote.git({ ...ref, ref: commit }, signal));
    },
  };
}

/** A server that has something else by now. */
async function telling<T>(path: string, key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LapidaryError) || error.code !== 'DIGEST_MISMATCH') throw error;
    throw new LapidaryError(
      'LOCK_MISMATCH',
      `${quoted(key)} is not what ${quoted(path)} says: ${error.message}`,
      {
        hint: 'the server has another one by now: see what moved with `lapidary lock --update`',
        cause: error,
      },
    );
  }
}

function incomplete(path: string, what: string): LapidaryError {
  return new LapidaryError('LOCK_INCOMPLETE', `${quoted(path)} does not name ${what}`, {
    hint: 'add it with `lapidary lock`',
  });
}

function mismatch(path: string, found: string, locked: string): LapidaryError {
  return new LapidaryError('LOCK_MISMATCH', `${found}, but ${quoted(path)} has ${locked}`, {
    hint: 'see what moved with `lapidary lock --update`',
  });
}

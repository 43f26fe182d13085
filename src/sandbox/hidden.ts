import type { Metadata } from '../tree/index.ts';

/** Whether the owner of the store may not read a file with this metadata. */
export function isHidden({ uid, mode }: Pick<Metadata, 'uid' | 'mode'>): boolean {
  return (mode & (uid === 0 ? 0o400 : 0o004)) === 0;
}

/** The same for what is in a directory. */
export function hidesContents({ uid, mode }: Pick<Metadata, 'uid' | 'mode'>): boolean {
  return (mode & (uid === 0 ? 0o100 : 0o001)) === 0;
}

import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Removes a directory and what is in it, also directories that their owner may not enter, as overlay leaves them. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
    openUp(Buffer.from(path));
    rmSync(path, { recursive: true, force: true });
  }
}

/**
 * Removes a directory, or moves it into `discarded` where that is not allowed: what was made in a user namespace has other
 * owners outside of it, and the next sandbox removes it.
 */
export function discardTree(path: string, discarded: string): void {
  try {
    removeTree(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    mkdirSync(discarded, { recursive: true, mode: 0o700 });
    renameSync(path, join(discarded, randomBytes(8).toString('hex')));
  }
}

/** Names as bytes: they need not be UTF-8. */
function openUp(directory: Buffer): void {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { encoding: 'buffer', withFileTypes: true })) {
    if (entry.isDirectory()) openUp(Buffer.concat([directory, Buffer.from('/'), entry.name]));
  }
}

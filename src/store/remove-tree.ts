import { chmodSync, readdirSync, rmSync } from 'node:fs';

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

/** Names as bytes: they need not be UTF-8. */
function openUp(directory: Buffer): void {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { encoding: 'buffer', withFileTypes: true })) {
    if (entry.isDirectory()) openUp(Buffer.concat([directory, Buffer.from('/'), entry.name]));
  }
}

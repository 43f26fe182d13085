import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { contextChanged, openContextFile } from '../host/index.ts';
import type { Digest } from '../oci/index.ts';
import { nextTurn, turnIsOver } from '../solve/index.ts';

const CHUNK = 1024 * 1024;
const buffer = Buffer.allocUnsafeSlow(CHUNK);

/**
 * Digest of a file of `size` bytes.
 * @throws LapidaryError CONTEXT_UNREADABLE; CONTEXT_CHANGED when it has another size by now
 */
export async function digestFile(path: string, size: number): Promise<Digest> {
  const hash = createHash('sha256');
  const fd = openContextFile(path);
  try {
    let left = size;
    for (;;) {
      const count = readSync(fd, buffer, 0, CHUNK, null);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      left -= count;
      // The buffer is shared: nothing of it may be needed after this
      if (turnIsOver()) await nextTurn();
    }
    if (left !== 0) throw contextChanged(path);
  } finally {
    closeSync(fd);
  }
  return `sha256:${hash.digest('hex')}` as Digest;
}

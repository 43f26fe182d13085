import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { Pace } from '../solve/index.ts';
import { encodePathText } from '../tar/index.ts';

const CHUNK = 1024 * 1024;
const buffer = Buffer.allocUnsafeSlow(CHUNK);

/**
 * Digest of a file of `size` bytes.
 * @throws LapidaryError CONTEXT_UNREADABLE; CONTEXT_CHANGED when it has another size by now
 */
export async function digestFile(path: string, size: number, pace: Pace): Promise<Digest> {
  const hash = createHash('sha256');
  const fd = openFile(path);
  try {
    let left = size;
    for (;;) {
      const count = readSync(fd, buffer, 0, CHUNK, null);
      if (count === 0) break;
      hash.update(buffer.subarray(0, count));
      left -= count;
      // The buffer is shared: nothing of it may be needed after this
      await pace.breathe();
    }
    if (left !== 0) throw changed(path);
  } finally {
    closeSync(fd);
  }
  return `sha256:${hash.digest('hex')}` as Digest;
}

function openFile(path: string): number {
  try {
    // It was a regular file when it was listed: what stands there now must not be a link or a pipe
    return openSync(
      Buffer.from(encodePathText(path)),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ELOOP') throw changed(path);
    throw new LapidaryError('CONTEXT_UNREADABLE', `${quoted(path)} cannot be read (${code})`, {
      hint: 'check its permissions, or exclude it in .dockerignore',
      cause: error,
    });
  }
}

function changed(path: string): LapidaryError {
  return new LapidaryError('CONTEXT_CHANGED', `${quoted(path)} changed while it was read`, {
    hint: 'build again when nothing writes to the build context',
  });
}

import { constants, openSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import { encodePathText } from '../tar/index.ts';

/**
 * Opens a file of a build context for reading. It was a regular file when it was listed: what stands there by now must
 * not be followed if it is a link, nor waited for if it is a pipe. The descriptor is the caller's to close.
 *
 * @throws LapidaryError CONTEXT_CHANGED when it is gone or a link by now, CONTEXT_UNREADABLE
 */
export function openContextFile(path: string): number {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return openSync(Buffer.from(encodePathText(path)), flags);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ELOOP') throw contextChanged(path);
    throw new LapidaryError('CONTEXT_UNREADABLE', `${quoted(path)} cannot be read (${code})`, {
      hint: 'check its permissions, or exclude it in .dockerignore',
      cause: error,
    });
  }
}

export function contextChanged(path: string): LapidaryError {
  return new LapidaryError('CONTEXT_CHANGED', `${quoted(path)} changed while it was read`, {
    hint: 'build again when nothing writes to the build context',
  });
}

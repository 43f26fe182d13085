import { readFile } from 'node:fs/promises';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { ImageSource, RemoteSources } from '../solve/index.ts';
import type { DockerfileText } from './dockerfile-file.ts';
import type { BaseImageSource } from './image-source.ts';
import type { Lock } from './lock-file.ts';
import type { NamedContext } from './named-contexts.ts';
import type { BuildRequest } from './types.ts';

type Sources = { readonly images: ImageSource; readonly remote: RemoteSources };

/** Where a build takes things from: without a lock from anywhere, with one only what it names. */
export async function withLock(
  { locked }: Pick<BuildRequest, 'locked'>,
  dockerfile: DockerfileText,
  {
    images,
    remote,
    contexts,
  }: Sources & {
    readonly images: BaseImageSource;
    readonly contexts: ReadonlyMap<string, NamedContext>;
  },
): Promise<Sources> {
  if (locked === undefined) return { images, remote };
  const [{ lockPath }, { LockedImages }, { lockedSources }] = await Promise.all([
    import('./lock-file.ts'),
    import('./locked-images.ts'),
    import('./locked-sources.ts'),
  ]);
  const path = lockPath(dockerfile, locked.file);
  const lock = await readLock(path);
  if (lock === undefined) {
    throw new LapidaryError('LOCK_INVALID', `there is no lock file ${quoted(path)}`, {
      hint: 'write it with `lapidary lock`',
    });
  }
  return {
    images: new LockedImages(lock, { path, images, contexts }),
    remote: lockedSources(lock, { path, remote }),
  };
}

/** `undefined` where there is none. @throws LapidaryError LOCK_INVALID */
export async function readLock(path: string): Promise<Lock | undefined> {
  const { parseLock } = await import('./lock-file.ts');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new LapidaryError('LOCK_INVALID', `${quoted(path)} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return parseLock(text, path);
}

import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { type IgnoreRules, parseIgnore } from '../dockerfile/index.ts';
import { LapidaryError, quoted, type Source } from '../errors/index.ts';
import type { BuildRequest } from './types.ts';

/** Larger than any Dockerfile or ignore file that means well. */
const MAX_BYTES = 4 * 1024 * 1024;

export type DockerfileText = {
  readonly source: Source;
  /** Absolute path of the file; absent when the text was given. */
  readonly path?: string;
};

/**
 * Finds and reads the Dockerfile of a request whose context is a directory; `undefined` when none is named and none of
 * the usual names is there.
 * @throws LapidaryError DOCKERFILE_NOT_FOUND, CONTEXT_UNREADABLE
 */
export async function loadDockerfile(
  { dockerfile }: Pick<BuildRequest, 'dockerfile'>,
  directory: string,
): Promise<DockerfileText | undefined> {
  const candidates = dockerfile?.type === 'file' ? [dockerfile.path] : defaultFiles(directory);
  for (const path of candidates) {
    const read = await readDockerfile(path, directory);
    if (read !== undefined) return read;
  }
  if (dockerfile?.type === 'file') throw noDockerfile(quoted(dockerfile.path));
  if (!existsSync(directory)) {
    throw new LapidaryError('CONTEXT_UNREADABLE', `the build context ${quoted(directory)} does not exist`, {
      hint: 'name the directory that holds the files to build from',
    });
  }
  return undefined;
}

const defaultFiles = (directory: string): string[] => [
  join(directory, 'Dockerfile'),
  join(directory, 'dockerfile'),
];

/** A Dockerfile on this machine, called by its short name when it is in `directory`; `undefined` for none. */
export async function readDockerfile(path: string, directory?: string): Promise<DockerfileText | undefined> {
  const text = await readSmall(path, 'DOCKERFILE_NOT_FOUND');
  const name = directory === undefined ? path : displayName(path, directory);
  return text === undefined ? undefined : { source: { name, text }, path };
}

export function noDockerfile(
  path: string,
  hint = 'name it with -f, or give the directory that holds it as the build context',
): LapidaryError {
  return new LapidaryError('DOCKERFILE_NOT_FOUND', `there is no Dockerfile at ${path}`, { hint });
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` of the context; none is fine. */
export async function loadIgnoreText(
  contextPath: string,
  dockerfilePath?: string,
): Promise<{ readonly path: string; readonly text: string } | undefined> {
  const own =
    dockerfilePath === undefined
      ? []
      : [join(dirname(dockerfilePath), `${basename(dockerfilePath)}.dockerignore`)];
  for (const path of [...own, join(contextPath, '.dockerignore')]) {
    const text = await readSmall(path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

/** The rules of that file. */
export async function loadIgnore(
  contextPath: string,
  dockerfilePath?: string,
): Promise<IgnoreRules | undefined> {
  const found = await loadIgnoreText(contextPath, dockerfilePath);
  return found && parseIgnore(found.text);
}

/** `undefined` when there is no such file. */
export async function readSmall(
  path: string,
  code: 'DOCKERFILE_NOT_FOUND' | 'CONTEXT_UNREADABLE' = 'CONTEXT_UNREADABLE',
): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES) {
      throw new LapidaryError(
        code,
        `${quoted(path)} has ${size} bytes, more than the ${MAX_BYTES} that are read`,
      );
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof LapidaryError) throw error;
    const reason = (error as NodeJS.ErrnoException).code;
    if (reason === 'ENOENT' || reason === 'ENOTDIR') return undefined;
    const hint = reason === 'EISDIR' ? 'it is a directory: name the file in it' : 'check its permissions';
    throw new LapidaryError(code, `${quoted(path)} cannot be read (${reason})`, { hint, cause: error });
  }
}

/** Inside the context the short name, elsewhere the path as it is. */
function displayName(path: string, contextPath: string): string {
  const inside = relative(contextPath, path);
  return inside.startsWith('..') ? path : inside;
}

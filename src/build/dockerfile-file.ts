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

/** Finds and reads the Dockerfile of a request. @throws LapidaryError DOCKERFILE_NOT_FOUND */
export async function loadDockerfile({ dockerfile, context }: BuildRequest): Promise<DockerfileText> {
  if (dockerfile?.type === 'text') return { source: { name: dockerfile.name, text: dockerfile.text } };
  const candidates =
    dockerfile === undefined
      ? [join(context.path, 'Dockerfile'), join(context.path, 'dockerfile')]
      : [dockerfile.path];
  for (const path of candidates) {
    const text = await readSmall(path, 'DOCKERFILE_NOT_FOUND');
    if (text !== undefined) return { source: { name: displayName(path, context.path), text }, path };
  }
  const [first = ''] = candidates;
  if (dockerfile === undefined && !existsSync(context.path)) {
    throw new LapidaryError(
      'CONTEXT_UNREADABLE',
      `the build context ${quoted(context.path)} does not exist`,
      {
        hint: 'name the directory that holds the files to build from',
      },
    );
  }
  throw new LapidaryError('DOCKERFILE_NOT_FOUND', `there is no Dockerfile at ${quoted(first)}`, {
    hint: 'name it with -f, or give the directory that holds it as the build context',
  });
}

/** `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` of the context; none is fine. */
export async function loadIgnore(
  contextPath: string,
  dockerfilePath?: string,
): Promise<IgnoreRules | undefined> {
  const own =
    dockerfilePath &&
    (await readSmall(join(dirname(dockerfilePath), `${basename(dockerfilePath)}.dockerignore`)));
  const text = own ?? (await readSmall(join(contextPath, '.dockerignore')));
  return text === undefined ? undefined : parseIgnore(text);
}

/** `undefined` when there is no such file. */
async function readSmall(
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

import type { ProjectFiles } from './types.ts';

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const REF = /^refs\/heads\/(?!.*\.\.)[\w./+-]{1,200}$/;

/**
 * The commit that is checked out, as git's files tell: no program of the project's configuration is started for it.
 * @returns `undefined` when the project is not the root of a repository, or has no commit
 * @see https://git-scm.com/docs/gitrepository-layout
 */
export async function gitHead(files: ProjectFiles): Promise<string | undefined> {
  const head = (await read(files, 'HEAD'))?.trim();
  if (head === undefined || COMMIT.test(head)) return head;
  const ref = head.startsWith('ref: ') ? head.slice(5) : '';
  if (!REF.test(ref)) return undefined;
  const loose = (await read(files, ref))?.trim();
  if (loose !== undefined) return COMMIT.test(loose) ? loose : undefined;
  const packed = (await read(files, 'packed-refs'))?.split('\n') ?? [];
  const commit = packed.find((line) => line.endsWith(` ${ref}`))?.split(' ')[0] ?? '';
  return COMMIT.test(commit) ? commit : undefined;
}

/** What is larger than such files are is none of them. */
const read = (files: ProjectFiles, path: string): Promise<string | undefined> =>
  files.readText(`.git/${path}`).catch(() => undefined);

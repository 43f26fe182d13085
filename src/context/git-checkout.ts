import { join } from 'node:path';
import { inTurns } from '../solve/index.ts';
import { type Entry, filesOf, type Inode, mapSteps, selectSources, withFiles } from '../tree/index.ts';
import { openDirectoryContext } from './directory-context.ts';

export type CheckoutOptions = {
  /** Leaves `.git` where git has it. */
  readonly keepGitDir: boolean;
  /** Of every file, in seconds since 1970. */
  readonly time: number;
};

/** What git checked out, as git has it: only the executable bit of a mode counts, whatever the umask. */
export async function checkoutEntries(
  directory: string,
  { keepGitDir, time }: CheckoutOptions,
): Promise<Entry[]> {
  const context = await openDirectoryContext(directory, {
    ignore: keepGitDir ? undefined : NO_GIT,
    statCacheFile: join(directory, '..', 'stat-cache'),
  });
  const selection = await inTurns(selectSources(await context.scan(['']), ['']));
  const files = await context.digest(await inTurns(filesOf(selection)));
  const [root] = (await inTurns(withFiles(selection, files))).items;
  if (root?.kind !== 'contents') throw new Error('a checkout that is no directory');
  return inTurns(
    mapSteps(root.nodes, ({ path, inode }): Entry => ({ kind: 'node', path, node: asGitHasIt(inode, time) })),
  );
}

/** Of submodules too, where it is a file. Git itself refuses to track anything of this name. */
const isGit = (path: string): boolean => /(?:^|\/)\.git(?:\/|$)/.test(path);
const NO_GIT = { match: isGit, canSkipDirectory: isGit };

function asGitHasIt(inode: Inode, time: number): Inode {
  const times = { mtime: time, mtimeNs: 0 };
  if (inode.type === 'symlink') return { ...inode, ...times };
  const executable = inode.type === 'dir' || (inode.mode & 0o100) !== 0;
  return { ...inode, ...times, mode: executable ? 0o755 : 0o644 };
}

import { writeFileSync } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../oci/index.ts';
import type { FileNode, Tree } from '../tree/index.ts';
import { type ContextRules, openDirectoryContext } from './directory-context.ts';

let root: string;
let dir: string;
const cacheFile = (): string => join(root, 'cache', 'stat');
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lapidary-context-'));
  dir = join(root, 'context');
  await mkdir(join(dir, 'app/lib'), { recursive: true });
  await writeFile(join(dir, 'app/main'), 'main');
  await writeFile(join(dir, 'app/lib/a'), 'a');
  await writeFile(join(dir, 'top'), 'top');
});
afterEach(() => rm(root, { recursive: true }));

const open = (ignore?: ContextRules): ReturnType<typeof openDirectoryContext> =>
  openDirectoryContext(dir, { ignore, statCacheFile: cacheFile() });
const paths = (tree: Tree): string[] =>
  [...tree.walk()].map(({ path }) => path).filter((path) => path !== '');
const scan = async (wanted: string[], ignore?: ContextRules): Promise<string[]> =>
  paths(await (await open(ignore)).scan(wanted));
function fileAt(tree: Tree, path: string): FileNode {
  const inode = tree.get(path)?.inode;
  if (inode?.type !== 'file') throw new Error(`no file ${path}`);
  return inode;
}

describe('scan', () => {
  test.for<{ name: string; wanted: string[]; want: string[] }>([
    { name: 'everything', wanted: [''], want: ['app', 'app/lib', 'app/lib/a', 'app/main', 'top'] },
    { name: 'one file and what is above it', wanted: ['app/main'], want: ['app', 'app/main'] },
    { name: 'a directory', wanted: ['app/lib'], want: ['app', 'app/lib', 'app/lib/a'] },
    { name: 'nothing that exists', wanted: ['nope/x'], want: [] },
    { name: 'below a file', wanted: ['top/x'], want: ['top'] },
    { name: 'never above the root', wanted: ['../../top'], want: ['top'] },
  ])('$name', async ({ wanted, want }) => {
    expect(await scan(wanted)).toEqual(want);
  });

  test('links on the way come with what they lead to', async () => {
    await symlink('app', join(dir, 'l'));
    await symlink('/top', join(dir, 'abs'));
    await symlink('../../../../etc', join(dir, 'out'));
    expect(await scan(['l/lib'])).toEqual(['app', 'app/lib', 'app/lib/a', 'l']);
    expect(await scan(['abs'])).toEqual(['abs', 'top']);
    expect(await scan(['out/passwd'])).toEqual(['out']);
  });

  test('scans at the same time all see everything', async () => {
    await mkdir(join(dir, 'many'));
    for (let n = 0; n < 2000; n++) writeFileSync(join(dir, 'many', `f${n}`), '');
    const context = await open();
    const trees = await Promise.all(['many', 'many', 'top', ''].map((path) => context.scan([path])));
    expect(trees.map((tree) => tree.get('many')?.children?.size)).toEqual([2000, 2000, 2000, 2000]);
    expect(trees[3]?.get('top')?.inode.type).toBe('file');
  });

  test('owners are root, modes and times are those of the files', async () => {
    await chmod(join(dir, 'top'), 0o4711);
    await utimes(join(dir, 'top'), 1_000_000_000, 1_500_000_000);
    const tree = await (await open()).scan(['top']);
    expect(fileAt(tree, 'top')).toMatchObject({
      mode: 0o4711,
      uid: 0,
      gid: 0,
      mtime: 1_500_000_000,
      mtimeNs: 0,
      size: 3,
    });
  });

  test('hard links are one file, sockets are empty files', async () => {
    await link(join(dir, 'top'), join(dir, 'again'));
    const server = createServer().listen(join(dir, 'socket'));
    const context = await open();
    const tree = await context.scan(['']);
    server.close();
    expect(tree.get('again')?.inode).toBe(tree.get('top')?.inode);
    expect(await context.digest([fileAt(tree, 'socket')])).toEqual([
      expect.objectContaining({ type: 'file', size: 0, digest: sha256('') }),
    ]);
  });

  test('names that are not UTF-8', async () => {
    await writeFile(Buffer.concat([Buffer.from(`${dir}/caf`), Buffer.from([0xe9])]), 'x');
    const context = await open();
    const [file] = await context.digest([fileAt(await context.scan(['']), 'caf\udce9')]);
    expect(file?.digest).toBe(sha256('x'));
  });

  test('ignored files are not there; directories that hold none are not looked into', async () => {
    const walked: string[] = [];
    const rules: ContextRules = {
      match: (path) => path.startsWith('app/lib') || path === 'top',
      canSkipDirectory: (path) => {
        walked.push(path);
        return path === 'app/lib';
      },
    };
    expect(await scan([''], rules)).toEqual(['app', 'app/main']);
    expect(walked).toEqual(['app', 'app/lib']);
  });

  test('an ignored directory with a file that is not', async () => {
    const rules: ContextRules = {
      match: (path) => path.startsWith('app') && path !== 'app/lib/a',
      canSkipDirectory: () => false,
    };
    expect(await scan([''], rules)).toEqual(['app', 'app/lib', 'app/lib/a', 'top']);
    expect(await scan(['app/lib'], rules)).toEqual(['app', 'app/lib', 'app/lib/a']);
  });

  test('an ignored directory with a file that is not keeps its mode', async () => {
    await chmod(join(dir, 'app'), 0o710);
    const context = await open({ match: (path) => path !== 'app/lib/a', canSkipDirectory: () => false });
    const tree = await context.scan(['']);
    expect(tree.get('app')?.inode.mode).toBe(0o710);
    expect(tree.get('app')?.inode.mtime).toBeGreaterThan(0);
  });

  test('what is no directory is an error', async () => {
    const options = { ignore: undefined, statCacheFile: cacheFile() };
    await expect(openDirectoryContext(join(dir, 'top'), options)).rejects.toMatchObject({
      code: 'CONTEXT_UNREADABLE',
    });
    await expect(openDirectoryContext(join(dir, 'nope'), options)).rejects.toMatchObject({
      code: 'CONTEXT_UNREADABLE',
    });
  });
});

describe('digest', () => {
  const digestOf = async (path: string): Promise<string | undefined> => {
    const context = await open();
    const [file] = await context.digest([fileAt(await context.scan([path]), path)]);
    return file?.digest;
  };

  test('is that of the bytes', async () => {
    expect(await digestOf('top')).toBe(sha256('top'));
  });

  test('of an old file that did not change is remembered', async () => {
    // ctime cannot be set: a file just written is never trusted, so what is remembered is written by hand
    await digestOf('top');
    await expect(readFile(cacheFile(), 'utf8')).rejects.toThrow('ENOENT');
    const { dev, ino, size, mtimeNs, ctimeNs } = await import('node:fs').then((fs) =>
      fs.lstatSync(join(dir, 'top'), { bigint: true }),
    );
    await mkdir(join(root, 'cache'));
    await writeFile(
      cacheFile(),
      `lapidary-stat-cache-1\n${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs} ${sha256('remembered')}\nbroken\n`,
    );
    expect(await digestOf('top')).toBe(sha256('remembered'));
    await writeFile(join(dir, 'top'), 'other');
    expect(await digestOf('top')).toBe(sha256('other'));
  });

  test('a file that cannot be opened is an error that names it', async () => {
    const context = await open();
    const file = fileAt(await context.scan(['top']), 'top');
    await rm(join(dir, 'top'));
    await expect(context.digest([file])).rejects.toMatchObject({
      code: 'CONTEXT_CHANGED',
      message: expect.stringContaining('top'),
    });
  });

  test('a file that grew since it was listed is an error', async () => {
    const context = await open();
    const file = fileAt(await context.scan(['top']), 'top');
    await writeFile(join(dir, 'top'), 'longer');
    await expect(context.digest([file])).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
  });
});

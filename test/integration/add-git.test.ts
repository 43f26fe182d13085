import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Built, builtTree } from '../support/built-tree.ts';
import { Workspace } from '../support/cli.ts';
import { git, publish, serveRepositories, startGitDaemon } from '../support/git-server.ts';
import type { HttpServer } from '../support/http-server.ts';

let work: Workspace;
let server: HttpServer;
let context: string;
const commits: Record<string, string> = {};

beforeAll(async () => {
  work = await Workspace.create();
  const root = work.path('repositories');
  await mkdir(root);
  server = await serveRepositories(root);
  await makeLibrary(root);
  await makeProject(root);
  context = await work.files('context', { file: 'x' });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await work[Symbol.asyncDispose]();
});

async function makeLibrary(root: string): Promise<void> {
  const tree = await work.files('library', { 'lib.txt': 'library' });
  git(tree, 'init', '-q');
  git(tree, 'add', '.');
  git(tree, 'commit', '-qm', 'library');
  publish(tree, root, 'library.git');
}

async function makeProject(root: string): Promise<void> {
  const tree = await work.files('project', { 'one.txt': '1', 'sub/two.txt': '2', 'run.sh': '#!/bin/sh\n' });
  git(tree, 'init', '-q');
  git(tree, 'add', '.');
  git(tree, 'update-index', '--chmod=+x', 'run.sh');
  git(tree, 'commit', '-qm', 'first');
  git(tree, 'tag', '-a', 'v1', '-m', 'version 1');
  git(tree, 'submodule', '--quiet', 'add', '--', work.path('library'), 'library');
  // Relative: it is beside this repository wherever that is
  await writeFile(
    join(tree, '.gitmodules'),
    '[submodule "library"]\n\tpath = library\n\turl = ../library.git\n',
  );
  await writeFile(join(tree, 'one.txt'), 'one');
  git(tree, 'add', '.');
  git(tree, 'commit', '-qm', 'second');
  git(tree, 'branch', 'feature/x', 'v1^{}');
  commits['first'] = git(tree, 'rev-parse', 'v1^{}');
  commits['second'] = git(tree, 'rev-parse', 'main');
  publish(tree, root, 'project.git');
}

const add = (source: string, flags = ''): Promise<Built> =>
  builtTree(work.store, {
    context: { type: 'directory', path: context },
    dockerfile: {
      type: 'text',
      name: 'Dockerfile',
      text: `FROM scratch\nADD ${flags} ${server.url('/project.git')}${source} /src\n`,
    },
  });

const paths = ({ tree }: Built): string[] =>
  [...tree.walk()].map(({ path }) => path).filter((path) => path !== '');
const FIRST = ['src', 'src/one.txt', 'src/run.sh', 'src/sub', 'src/sub/two.txt'];
const SECOND = [
  'src',
  'src/.gitmodules',
  'src/library',
  'src/library/lib.txt',
  'src/one.txt',
  'src/run.sh',
  'src/sub',
  'src/sub/two.txt',
];

describe('ADD of a git repository', () => {
  test.for<{ name: string; source: () => string; flags?: () => string; want: string[] }>([
    { name: 'the default branch, with its submodules', source: () => '', want: SECOND },
    { name: 'a branch', source: () => '#feature/x', want: FIRST },
    { name: 'an annotated tag', source: () => '#v1', want: FIRST },
    { name: 'a full reference', source: () => '#refs/tags/v1', want: FIRST },
    { name: 'a commit that no branch ends with', source: () => `#${commits['first']}`, want: FIRST },
    { name: 'a directory', source: () => '#v1:sub', want: ['src', 'src/two.txt'] },
    { name: 'a directory of the default branch', source: () => '#:sub', want: ['src', 'src/two.txt'] },
    { name: 'queries', source: () => '?tag=v1&subdir=sub', want: ['src', 'src/two.txt'] },
    {
      name: 'without submodules',
      source: () => '?branch=main&submodules=false',
      want: SECOND.filter((path) => path !== 'src/library/lib.txt'),
    },
    { name: '--checksum', source: () => '#v1', flags: () => `--checksum=${commits['first']}`, want: FIRST },
    {
      name: '--exclude',
      source: () => '#v1',
      flags: () => '--exclude=sub --exclude=*.sh',
      want: FIRST.slice(0, 2),
    },
  ])('$name', async ({ source, flags, want }) => {
    const built = await add(source(), flags?.());
    expect(paths(built)).toEqual(want);
  });

  test('files have the time of the commit and the modes that git keeps', async () => {
    const { tree } = await add('#v1');
    expect(tree.get('src/one.txt')?.inode).toMatchObject({ mode: 0o644, uid: 0, mtime: 1_500_000_000 });
    expect(tree.get('src/run.sh')?.inode).toMatchObject({ mode: 0o755 });
  });

  test('--keep-git-dir keeps a repository that git can read', async () => {
    const built = await add('#v1', '--keep-git-dir');
    expect(paths(built)).toContain('src/.git/HEAD');
    expect((await built.text('src/.git/HEAD')).trim()).toBe(commits['first']);
  });

  test('by the protocol of git', async () => {
    const daemon = await startGitDaemon(work.path('repositories'));
    const built = await builtTree(work.path('other-store'), {
      context: { type: 'directory', path: context },
      dockerfile: {
        type: 'text',
        name: 'Dockerfile',
        text: `FROM scratch\nADD ${daemon.url}/project.git#v1 /src\n`,
      },
    });
    daemon.stop();
    expect(paths(built)).toEqual(FIRST);
  });

  test('hooks, options and protocols of a repository do nothing', async () => {
    const marker = work.path('marker');
    const tree = await work.files('hostile', {
      '.gitattributes': '* filter=evil\n',
      f: '1',
      '.gitmodules': `[submodule "s"]\n\tpath = s\n\turl = ext::sh -c "touch% ${marker}"\n`,
    });
    git(tree, 'init', '-q');
    git(tree, 'add', '.');
    git(tree, 'update-index', '--add', '--cacheinfo', `160000,${commits['first']},s`);
    git(tree, 'commit', '-qm', 'hostile');
    publish(tree, work.path('repositories'), 'hostile.git');
    const text = `FROM scratch\nADD ${server.url('/hostile.git')} /src\n`;
    const request = {
      context: { type: 'directory', path: context },
      dockerfile: { type: 'text', name: 'Dockerfile', text },
    } as const;
    await expect(builtTree(work.store, request)).rejects.toMatchObject({
      code: 'FETCH_FAILED',
      notes: expect.arrayContaining([expect.stringContaining("transport 'ext' not allowed")]) as string[],
    });
    expect(existsSync(marker)).toBe(false);
  });

  test('what the store has is not fetched again', async () => {
    const first = `#${commits['first']}`;
    await add(first);
    const before = server.requests.length;
    expect((await add(first)).results).toEqual(['hit']);
    expect(server.requests).toHaveLength(before);
    expect((await add('#v1', '--chmod=700')).results).toEqual(['done']);
    const asked = server.requests.slice(before).map(({ url }) => url);
    expect(asked.every((url) => url?.includes('/info/refs') || url?.endsWith('git-upload-pack'))).toBe(true);
    expect(asked.length).toBeLessThan(3);
  });

  test.for<{ name: string; source: string; flags?: string; code: string; message: RegExp }>([
    {
      name: 'no such reference',
      source: '#nope',
      code: 'FETCH_FAILED',
      message: /has no branch, tag or commit "nope"/,
    },
    { name: 'no such directory', source: '#v1:nope', code: 'COPY_NOTHING', message: /"nope" does not exist/ },
    {
      name: 'another commit',
      source: '#v1',
      flags: `--checksum=${'0'.repeat(40)}`,
      code: 'DIGEST_MISMATCH',
      message: /is the commit/,
    },
    {
      name: 'no such commit',
      source: `#${'1'.repeat(40)}`,
      code: 'FETCH_FAILED',
      message: /git cannot fetch/,
    },
    { name: 'no such repository', source: '/no.git', code: 'FETCH_FAILED', message: /git cannot fetch/ },
    { name: 'an unknown query', source: '?tags=v1', code: 'GIT_REF_INVALID', message: /no query "tags"/ },
  ])('$name is an error', async ({ source, flags, code, message }) => {
    await expect(add(source, flags)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});

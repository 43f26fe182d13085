import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BuildRequest, checkBuild, listDockerfileTargets } from '../../src/build/index.ts';
import { type Built, builtTree } from '../support/built-tree.ts';
import { Workspace } from '../support/cli.ts';
import { git, publish, serveRepositories } from '../support/git-server.ts';
import { HttpServer } from '../support/http-server.ts';
import { makeTar } from '../support/make-tar.ts';

let work: Workspace;
let repositories: HttpServer;
let files: HttpServer;
const served = new Map<string, Uint8Array | string>();

beforeAll(async () => {
  work = await Workspace.create();
  const root = work.path('repositories');
  await mkdir(root);
  const tree = await work.files('project', {
    Dockerfile: 'FROM scratch\nCOPY . /\n',
    'other.df': 'FROM scratch\nCOPY one /other\n',
    one: '1',
    'sub/Dockerfile': 'FROM scratch\nCOPY two /\n',
    'sub/two': '2',
    '.dockerignore': 'sub\n',
  });
  git(tree, 'init', '-q');
  git(tree, 'add', '.');
  git(tree, 'commit', '-qm', 'first');
  git(tree, 'tag', 'v1');
  publish(tree, root, 'project.git');
  repositories = await serveRepositories(root);
  files = await HttpServer.start((request, response) => {
    const body = served.get(request.url ?? '');
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
});
afterAll(async () => {
  await repositories[Symbol.asyncDispose]();
  await files[Symbol.asyncDispose]();
  await work[Symbol.asyncDispose]();
});

const paths = ({ tree }: Built): string[] =>
  [...tree.walk()].map(({ path }) => path).filter((path) => path !== '');
const build = (request: BuildRequest, stdin?: Uint8Array | string): Promise<Built> =>
  builtTree(work.store, request, stdin === undefined ? {} : { stdin: Readable.from([Buffer.from(stdin)]) });
/** A Dockerfile over a directory with one file, and named contexts. */
const withContexts = async (text: string, contexts: Readonly<Record<string, string>>): Promise<Built> =>
  build({
    context: { type: 'directory', path: await work.files('context', { file: 'x' }) },
    dockerfile: { type: 'text', name: 'Dockerfile', text },
    contexts,
  });

const owned = { uid: 1000, gid: 1000 };
const TAR = makeTar([
  { path: './Dockerfile', data: 'FROM scratch\nCOPY . /\n' },
  { path: 'dir/', member: { type: 'dir', mode: 0o750, ...owned } },
  { path: 'dir/one', data: '1', member: owned },
  { path: 'dir/skip', data: '' },
  { path: 'inside.df', data: 'FROM scratch\nCOPY dir/one /\n' },
  { path: '.dockerignore', data: 'Dockerfile\n**/skip\n*.df\n' },
  { path: 'inside.df.dockerignore', data: 'dir\n!dir/one\n' },
]);
const program = (name: string): Buffer => execFileSync(name, ['-c'], { input: TAR });

describe('standard input', () => {
  test.for<{ name: string; pack: () => Uint8Array }>([
    { name: 'a tar', pack: () => TAR },
    { name: 'gzip', pack: () => gzipSync(TAR) },
    { name: 'zstd', pack: () => zstdCompressSync(TAR) },
    { name: 'xz', pack: () => program('xz') },
    { name: 'bzip2', pack: () => program('bzip2') },
  ])('$name is a context with its ignore file', async ({ pack }) => {
    const built = await build({ context: { type: 'stream' } }, pack());
    expect(paths(built)).toEqual(['.dockerignore', 'dir', 'dir/one', 'inside.df.dockerignore']);
    expect(built.tree.get('dir')?.inode).toMatchObject({ mode: 0o750, uid: 0, gid: 0 });
    expect(built.tree.get('dir/one')?.inode).toMatchObject({ uid: 0, gid: 0 });
  });

  test('--file names a Dockerfile in it, which may have an ignore file of its own', async () => {
    const dockerfile = { type: 'inside', path: 'inside.df' } as const;
    expect(paths(await build({ context: { type: 'stream' }, dockerfile }, TAR))).toEqual(['one']);
  });

  test('a text is a Dockerfile without a context', async () => {
    const built = await build({ context: { type: 'stream' } }, 'FROM scratch\nCOPY <<f /f\ntext\nf\n');
    expect(await built.text('f')).toBe('text\n');
    await expect(build({ context: { type: 'stream' } }, 'FROM scratch\nCOPY f /f\n')).rejects.toMatchObject({
      code: 'COPY_NOTHING',
    });
  });

  test.for<{ name: string; input: () => Uint8Array; request?: Partial<BuildRequest>; code: string }>([
    { name: 'damaged', input: () => gzipSync(TAR).subarray(0, 300), code: 'TAR_INVALID' },
    { name: 'compressed, but no tar', input: () => gzipSync('FROM scratch'), code: 'TAR_INVALID' },
    {
      name: 'too long for a Dockerfile',
      input: () => Buffer.alloc(5_000_000, '#'),
      code: 'CONTEXT_UNREADABLE',
    },
    {
      name: 'a tar without a Dockerfile',
      input: () => makeTar([{ path: 'x' }]),
      code: 'DOCKERFILE_NOT_FOUND',
    },
    {
      name: 'a Dockerfile beside another one',
      input: () => Buffer.from('FROM scratch'),
      request: { dockerfile: { type: 'inside', path: 'x' } },
      code: 'USAGE',
    },
  ])('$name is an error', async ({ input, request, code }) => {
    await expect(build({ context: { type: 'stream' }, ...request }, input())).rejects.toMatchObject({ code });
  });

  test('of the command line', async () => {
    const out = work.path('out');
    await work.ok(['build', '-o', out, '-'], { input: TAR });
    expect(execFileSync('find', ['.', '-type', 'f'], { cwd: out }).toString()).toContain('./dir/one');
    await work.ok(['build', '-f', 'inside.df', '-o', work.path('out2'), '-'], { input: TAR });
    const { code, stderr } = await work.run(['build', '-f', '-', '-'], { input: TAR });
    expect([code, stderr]).toEqual([2, expect.stringContaining('both to be standard input')]);
  });
});

describe('a URL as the context', () => {
  const at = (location: string, more: Partial<BuildRequest> = {}): Promise<Built> =>
    build({ context: { type: 'remote', location }, ...more });

  test('a repository, with its ignore file', async () => {
    const built = await at(`${repositories.url('/project.git')}#v1`);
    expect(paths(built)).toEqual(['.dockerignore', 'Dockerfile', 'one', 'other.df']);
  });

  test('a directory of a repository', async () => {
    expect(paths(await at(`${repositories.url('/project.git')}#main:sub`))).toEqual(['two']);
  });

  test('a Dockerfile in a repository', async () => {
    const dockerfile = { type: 'inside', path: 'other.df' } as const;
    expect(paths(await at(repositories.url('/project.git'), { dockerfile }))).toEqual(['other']);
  });

  test('a directory that is not there', async () => {
    await expect(at(`${repositories.url('/project.git')}#main:nope`)).rejects.toMatchObject({
      code: 'CONTEXT_UNREADABLE',
      message: expect.stringContaining('"nope" does not exist') as string,
    });
  });

  test('an archive', async () => {
    served.set('/context', gzipSync(TAR));
    expect(paths(await at(files.url('/context')))).toContain('dir/one');
  });

  test('a Dockerfile', async () => {
    served.set('/file', 'FROM scratch\nCOPY <<f /f\n1\nf\n');
    expect(paths(await at(files.url('/file')))).toEqual(['f']);
  });

  test('a Dockerfile by --file, for a directory', async () => {
    served.set('/df', 'FROM scratch\nCOPY file /copied\n');
    const path = await work.files('context', { file: 'x' });
    const out = work.path('out3');
    await work.ok(['build', '-f', files.url('/df'), '-o', out, path]);
    expect(execFileSync('ls', [out]).toString()).toBe('copied\n');
  });
});

describe('looking at a context that is no directory', () => {
  const look = { store: '', proxy: {} };
  const checks = async (request: BuildRequest, stdin?: Uint8Array): Promise<unknown> => {
    const options = { ...look, store: work.store, ...(stdin && { stdin: Readable.from([stdin]) }) };
    const { source, findings, failures } = await checkBuild(request, options);
    return [source.name, findings.map(({ rule }) => rule.name), failures.map(({ code }) => code)];
  };
  const FLAWED = makeTar([
    { path: 'Dockerfile', data: 'FROM scratch AS Base\nCOPY skipped /\nCOPY id_rsa /\nEXPOSE x\n' },
    { path: 'skipped' },
    { path: 'id_rsa' },
    { path: '.dockerignore', data: 'skipped\n' },
  ]);
  const found = ['StageNameCasing', 'CopyIgnoredFile', 'SecretFileCopied'];

  test('an archive on standard input, and behind a URL', async () => {
    const want = ['Dockerfile', found, ['DOCKERFILE_SYNTAX']];
    expect(await checks({ context: { type: 'stream' } }, FLAWED)).toEqual(want);
    served.set('/flawed.tar', FLAWED);
    expect(await checks({ context: { type: 'remote', location: files.url('/flawed.tar') } })).toEqual(want);
  });

  test('a repository', async () => {
    const location = `${repositories.url('/project.git')}#v1`;
    const dockerfile = { type: 'inside', path: 'sub/Dockerfile' } as const;
    const request = { context: { type: 'remote', location }, dockerfile } as const;
    expect(await checks(request)).toEqual(['sub/Dockerfile', [], []]);
    const { targets } = await listDockerfileTargets(request, { ...look, store: work.store });
    expect(targets).toEqual([expect.objectContaining({ default: true })]);
  });

  test('by the command line', async () => {
    const { code, stdout } = await work.run(['build', '--check', '-'], { input: FLAWED });
    expect([code, stdout]).toEqual([1, expect.stringContaining('WARNING: SecretFileCopied')]);
    const input = 'ARG v=1\nFROM scratch\nARG v\n';
    expect(await work.ok(['build', '--call=outline', '-'], { input })).toContain('BUILD ARG');
  });
});

describe('a named context', () => {
  test('a directory has its own ignore file', async () => {
    const path = await work.files('named', {
      keep: '1',
      skip: '2',
      '.dockerignore': 'skip\n.dockerignore\n',
    });
    expect(paths(await withContexts('FROM scratch\nCOPY --from=n . /\n', { n: path }))).toEqual(['keep']);
  });

  test('a repository', async () => {
    const built = await withContexts('FROM scratch\nCOPY --from=n one /\n', {
      n: `${repositories.url('/project.git')}#v1`,
    });
    expect(paths(built)).toEqual(['one']);
  });

  test('an archive is its files, another file is itself', async () => {
    served.set('/a.tgz', gzipSync(makeTar([{ path: 'd/in', data: 'x' }])));
    served.set('/plain.txt', 'plain');
    const built = await withContexts('FROM scratch\nCOPY --from=a d /d\nCOPY --from=b . /\n', {
      a: files.url('/a.tgz'),
      b: files.url('/plain.txt'),
    });
    expect(paths(built)).toEqual(['d', 'd/in', 'plain.txt']);
  });

  test('a directory is a base, and goes before an image of any form of its name', async () => {
    const path = await work.files('rootfs', { 'etc/os': 'mine' });
    const built = await withContexts('FROM docker.io/library/alpine:latest\nCOPY file /\n', { alpine: path });
    expect(paths(built)).toEqual(['etc', 'etc/os', 'file']);
  });

  test('it goes before a stage of its name', async () => {
    const path = await work.files('stage', { mine: '1' });
    const text = 'FROM nowhere AS Stage\nRUN false\nFROM scratch\nCOPY --from=stage . /\n';
    expect(paths(await withContexts(text, { stage: path }))).toEqual(['mine']);
    expect(
      paths(await withContexts(text.replace(/FROM scratch\n.*\n/, 'FROM stage'), { stage: path })),
    ).toEqual(['mine']);
  });

  test('images: of the store, and of a layout', async () => {
    await withContexts('FROM scratch\nCOPY file /base\n', {});
    const built = await withContexts('FROM app\nCOPY file /top\n', { app: 'docker-image://built' });
    expect(paths(built)).toEqual(['base', 'top']);
    const layout = work.path('layout');
    const path = await work.files('context', { Dockerfile: 'FROM scratch\nCOPY file /top\n' });
    await work.ok(['build', '-t', 'app:1', '-o', `type=oci,tar=false,dest=${layout}`, path]);
    const fromLayout = await withContexts('FROM scratch\nCOPY --from=l /top /\n', {
      l: `oci-layout://${layout}`,
    });
    expect(paths(fromLayout)).toEqual(['top']);
  });
});

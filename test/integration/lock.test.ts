import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Lock } from '../../src/build/index.ts';
import { type Descriptor, type Platform, sha256 } from '../../src/oci/index.ts';
import { Workspace } from '../support/cli.ts';
import { git, publish, serveRepositories } from '../support/git-server.ts';
import { HttpServer } from '../support/http-server.ts';
import { MainHere } from '../support/main-here.ts';
import { AMD64, ARM64 } from '../support/make-image.ts';
import { makeTar } from '../support/make-tar.ts';
import { putImage, putIndex } from '../support/registry/put-image.ts';
import { TestRegistry } from '../support/registry/test-registry.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let work: Workspace;
let here: MainHere;
let registry: TestRegistry;
let files: HttpServer;
let repositories: HttpServer;
let content = 'one';
beforeAll(async () => {
  work = stack.use(await Workspace.create());
  here = new MainHere(work);
  registry = stack.use(await TestRegistry.start());
  files = stack.use(await HttpServer.start((_, response) => response.end(content)));
  await mkdir(work.path('repositories'));
  repositories = stack.use(await serveRepositories(work.path('repositories')));
  const tree = await work.files('project', { 'of-git': 'first' });
  git(tree, 'init', '-q');
  git(tree, 'add', '.');
  git(tree, 'commit', '-qm', 'first');
  publish(tree, work.path('repositories'), 'project.git');
});

type Moved = { readonly index: Descriptor; readonly amd: Descriptor; readonly arm: Descriptor };

/** Moves base:1 to an index over two images with this text. */
async function moveBase(text: string): Promise<Moved> {
  const put = async (platform: Platform): Promise<Descriptor> => {
    const tars = [makeTar([{ path: 'base', data: `${text} ${platform.architecture}` }])];
    return (await putImage(registry.storage, 'base', { tars, platform })).manifest;
  };
  const [amd, arm] = [await put(AMD64), await put(ARM64)];
  return { amd, arm, index: putIndex(registry.storage, 'base', { manifests: [amd, arm], tag: '1' }) };
}

let context: string;
let base: Moved;
const named = (): string => `${registry.host}/base:1`;
const repository = (): string => repositories.url('/project.git');
beforeEach(async () => {
  content = 'one';
  base = await moveBase('first');
  // As another machine would have it
  await rm(work.store, { recursive: true, force: true });
  await rm(work.path('context'), { recursive: true, force: true });
  context = await work.files('context', {
    own: 'own',
    Dockerfile: [
      `FROM ${named()} AS base`,
      `ADD ${files.url('/file')} /of-http`,
      'FROM scratch AS unused',
      `ADD ${repository()}#main /git`,
      'FROM base',
      'COPY --from=unused /git /git',
      'COPY own /own',
    ].join('\n'),
  });
});

const lockText = (): Promise<string> => readFile(join(context, 'lapidary.lock'), 'utf8');
const lock = async (): Promise<Lock> => JSON.parse(await lockText()) as Lock;
const commit = (): string => git(work.path('project'), 'rev-parse', 'main');
const build = (...flags: readonly string[]): ReturnType<MainHere['run']> =>
  here.run(
    'build',
    '--locked',
    '--platform=linux/amd64',
    '-q',
    '-o',
    `type=local,dest=${work.path('out')}`,
    ...flags,
    context,
  );
const built = (path: string): Promise<string> => readFile(work.path('out', path), 'utf8');
const lockFor = (...flags: readonly string[]): Promise<string> =>
  here.ok('lock', '--platform=linux/amd64', ...flags, context);

describe('lapidary lock', () => {
  test('writes the digest of everything that comes from elsewhere, the same bytes each time', async () => {
    await here.ok('lock', '--platform=linux/arm64,linux/amd64', context);
    const text = await lockText();
    expect(text).toBe(
      `${JSON.stringify(
        {
          version: 1,
          platforms: ['linux/amd64', 'linux/arm64'],
          images: {
            [named()]: {
              digest: base.index.digest,
              platforms: { 'linux/amd64': base.amd.digest, 'linux/arm64': base.arm.digest },
            },
          },
          files: { [files.url('/file')]: sha256('one') },
          git: { [`${repository()}#main`]: commit() },
        },
        null,
        2,
      )}\n`,
    );
    const out = await here.ok('lock', context);
    expect(out).toContain('is as it should be: 3 names');
    expect(await lockText()).toBe(text);
  });

  test('keeps what it has when everything moved, and asks nobody', async () => {
    await lockFor();
    const before = await lockText();
    await moveBase('second');
    content = 'two';
    const [asked, sent] = [registry.log.length, files.requests.length];
    await here.ok('lock', context);
    expect(await lockText()).toBe(before);
    expect([registry.log.length, files.requests.length]).toEqual([asked, sent]);
  });

  test('--update shows what moved and takes it; one name moves alone', async () => {
    await lockFor();
    const moved = await moveBase('second');
    content = 'two';
    const one = await here.ok('lock', `--update=${files.url('/file')}`, context);
    expect(one).toBe(`~ file ${files.url('/file')} ${hex(sha256('one'))} -> ${hex(sha256('two'))}\n`);
    const all = await here.ok('lock', '--update', context);
    expect(all.split('\n')).toEqual([
      `~ image ${named()} ${hex(base.index.digest)} -> ${hex(moved.index.digest)}`,
      `~ image ${named()} linux/amd64 ${hex(base.amd.digest)} -> ${hex(moved.amd.digest)}`,
      '',
    ]);
    expect((await lock()).images[named()]?.digest).toBe(moved.index.digest);
  });

  test('adds a platform from the index that is locked, and keeps the others when that moves', async () => {
    await lockFor();
    await moveBase('second');
    await here.ok('lock', '--platform=linux/arm64', context);
    expect((await lock()).images[named()]).toEqual({
      digest: base.index.digest,
      platforms: { 'linux/amd64': base.amd.digest, 'linux/arm64': base.arm.digest },
    });
    const third = await moveBase('third');
    await here.ok('lock', '--update', context);
    expect((await lock()).images[named()]?.platforms).toEqual({
      'linux/amd64': third.amd.digest,
      'linux/arm64': third.arm.digest,
    });
  });

  test('--check says that the file is stale, and writes nothing', async () => {
    await lockFor();
    const before = await lockText();
    await here.ok('lock', '--check', context);
    await writeFile(join(context, 'Dockerfile'), `FROM ${named()}\nADD ${files.url('/other')} /x\n`);
    const { code, stdout, stderr } = await here.run('lock', '--check', context);
    expect([code, stderr]).toEqual([1, expect.stringContaining('error[LOCK_INCOMPLETE]')]);
    expect(stdout).toContain(`+ file ${files.url('/other')}`);
    expect(stdout).toContain(`- git ${repository()}#main`);
    expect(await lockText()).toBe(before);
    const { stdout: json } = await here.run('lock', '--check', '--json', context);
    expect(JSON.parse(json)).toMatchObject({
      changes: [{ what: 'file' }, { what: 'file' }, { what: 'git' }],
    });
  });

  test('writes no password of a URL', async () => {
    const url = files.url('/file').replace('//', '//user:hunter2@');
    await work.files('context', { Dockerfile: `FROM scratch\nADD ${url} /x\n` });
    await lockFor();
    expect(await lockText()).not.toContain('hunter2');
    expect((await lock()).files).toEqual({ [files.url('/file')]: sha256('one') });
    expect((await build()).code).toBe(0);
  });

  test('has a name of its own for another Dockerfile', async () => {
    await work.files('context', { 'prod.Dockerfile': `FROM ${named()}\n` });
    await lockFor('-f', join(context, 'prod.Dockerfile'));
    const text = await readFile(join(context, 'prod.Dockerfile.lock'), 'utf8');
    expect(Object.keys((JSON.parse(text) as Lock).images)).toEqual([named()]);
    await lockFor('--lock-file', work.path('elsewhere.lock'));
    expect(JSON.parse(await readFile(work.path('elsewhere.lock'), 'utf8'))).toMatchObject({ version: 1 });
  });

  test.for([
    ['no JSON', '{"version": 1,', 'LOCK_INVALID'],
    ['another version', '{"version": 2}', 'it has the version "2", not 1'],
    ['a conflict', '<<<<<<< HEAD', 'LOCK_INVALID'],
    ['a digest that is none', '{"version":1,"platforms":[],"files":{"a":"sha256:x"}}', 'not sha256: and 64'],
    ['an unknown part', '{"version":1,"platforms":[],"more":1}', '"more"'],
  ] as const)('error: a lock file with %s', async ([, text, message]) => {
    await work.files('context', { 'lapidary.lock': text });
    for (const { code, stderr } of [await here.run('lock', context), await build()]) {
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
      expect(stderr).toContain('error[LOCK_INVALID]');
    }
    expect(await lockText()).toBe(text);
  });
});

describe('build --locked', () => {
  test('uses what the file says after everything moved, in a store that knows nothing', async () => {
    await lockFor();
    await moveBase('second');
    const tree = work.path('project');
    await writeFile(join(tree, 'of-git'), 'second');
    git(tree, 'commit', '-qam', 'second');
    git(tree, 'push', '-q', join(work.path('repositories'), 'project.git'), 'main');
    await rm(work.store, { recursive: true, force: true });
    const asked = registry.log.length;
    const { code, stderr } = await build();
    expect([code, stderr]).toEqual([0, '']);
    expect([await built('base'), await built('of-http'), await built('git/of-git')]).toEqual([
      'first amd64',
      'one',
      'first',
    ]);
    const manifests = registry.log.slice(asked).filter(({ route }) => route.endpoint === 'manifest');
    expect(manifests.map(({ route }) => route.reference)).toEqual([base.amd.digest]);
  });

  const line = (text: string): string => `Dockerfile:${text}`;
  test.for([
    {
      name: 'an image that the file does not name',
      dockerfile: (): string => `FROM scratch AS a\nFROM ${registry.host}/base:2`,
      at: '2:6',
      message: 'LOCK_INCOMPLETE',
    },
    {
      name: 'a file that it does not name',
      dockerfile: (): string => `FROM ${named()}\nADD ${files.url('/more')} /x`,
      at: '2:5',
      message: 'LOCK_INCOMPLETE',
    },
    {
      name: 'a reference that it does not name',
      dockerfile: (): string => `FROM ${named()}\nADD ${repository()}#other /x`,
      at: '2:5',
      message: 'LOCK_INCOMPLETE',
    },
    {
      name: 'a checksum that is another one',
      dockerfile: (): string => `FROM ${named()}\nADD --checksum=${sha256('two')} ${files.url('/file')} /x`,
      at: '2:',
      message: 'LOCK_MISMATCH',
    },
  ])('error: $name, with its line', async ({ dockerfile, at, message }) => {
    await lockFor();
    await work.files('context', { Dockerfile: dockerfile() });
    const { code, stderr } = await build();
    expect(code).toBe(1);
    expect(stderr).toContain(`error[${message}]`);
    expect(stderr).toContain(line(at));
  });

  test('error: a file that changed at its server', async () => {
    await lockFor();
    content = 'two';
    await rm(work.store, { recursive: true, force: true });
    const { code, stderr } = await build();
    expect(code).toBe(1);
    expect(stderr).toContain('error[LOCK_MISMATCH]');
    expect(stderr).toContain(line('2:5'));
  });

  test('error: another platform', async () => {
    await lockFor();
    const { stderr } = await build('--platform=linux/arm64');
    expect(stderr).toContain('for linux/amd64, not for linux/arm64');
    expect(stderr).toContain('lapidary lock --platform linux/arm64');
  });

  test('error: no lock file', async () => {
    const { code, stderr } = await build();
    expect([code, stderr]).toEqual([1, expect.stringContaining('write it with `lapidary lock`')]);
  });

  test('named contexts: another image, a layout, a repository', async () => {
    await here.ok('cp', '-q', named(), `oci:${work.path('layout')}:1`);
    await work.files('context', {
      Dockerfile: 'FROM image\nCOPY --from=layout /base /of-layout\nCOPY --from=source of-git /of-git\n',
    });
    const contexts = [
      `--build-context=image=docker-image://${named()}`,
      `--build-context=layout=oci-layout://${work.path('layout')}:1`,
      `--build-context=source=${repository()}#main`,
    ];
    await lockFor(...contexts);
    const { images, layouts, git: locked } = await lock();
    expect(images).toEqual({
      [named()]: { digest: base.index.digest, platforms: { 'linux/amd64': base.amd.digest } },
    });
    expect(layouts).toEqual({ layout: { platforms: { 'linux/amd64': base.amd.digest } } });
    expect(locked).toEqual({ [`${repository()}#main`]: commit() });
    expect((await build(...contexts)).code).toBe(0);
    await moveBase('second');
    await rm(work.path('layout'), { recursive: true });
    await here.ok('cp', '-q', named(), `oci:${work.path('layout')}:1`);
    const { stderr } = await build(...contexts);
    expect(stderr).toContain('error[LOCK_MISMATCH]: the image "layout"');
  });

  test('an image that only this store has goes by its ID', async () => {
    await work.files('made', { Dockerfile: 'FROM scratch\nLABEL a=1\n' });
    const make = ['build', '-q', '--platform=linux/amd64', '-t', 'made-here', work.path('made')];
    const id = (await here.ok(...make)).trim();
    await work.files('context', { Dockerfile: 'FROM made-here\nCOPY own /own\n' });
    await lockFor();
    expect((await lock()).images).toEqual({
      'docker.io/library/made-here:latest': { ids: { 'linux/amd64': id } },
    });
    expect((await build()).code).toBe(0);
    await here.ok(...make.slice(0, 1), '--label=b=2', ...make.slice(1));
    const { stderr } = await build();
    expect(stderr).toContain('error[LOCK_MISMATCH]');
    expect(stderr).toContain(line('1:6'));
    await here.ok('lock', '--update', context);
    expect((await build()).code).toBe(0);
  });

  test('never takes a manifest that is not the one of the digest', async () => {
    await lockFor();
    await rm(work.store, { recursive: true, force: true });
    registry.faults.add({ do: 'corrupt', atByte: 20, endpoint: 'manifest' });
    const { code, stderr } = await build();
    expect([code, stderr]).toEqual([1, expect.stringContaining('DIGEST_MISMATCH')]);
  });
});

const hex = (digest: string): string => digest.slice('sha256:'.length, 'sha256:'.length + 12);

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finished, Workspace } from '../support/cli.ts';
import { tracesOf } from '../support/traces.ts';

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
  const dir = await work.files('app', {
    Dockerfile:
      'FROM base\nENV GREETING=hello NAME=image\nWORKDIR /work\nUSER app\nENTRYPOINT ["/bin/sh", "-c"]\nCMD ["echo $GREETING $NAME from $(pwd) as $(id -un)"]\n',
  });
  await work.ok(['build', '-q', '-t', 'app', dir]);
});
afterAll(() => work[Symbol.asyncDispose]());

describe('run', () => {
  test.for<{ name: string; args: string[]; want: string }>([
    { name: 'does what the image says', args: ['app'], want: 'hello image from /work as app\n' },
    { name: '--rm is what it always does', args: ['--rm', 'app'], want: 'hello image from /work as app\n' },
    { name: 'arguments replace CMD', args: ['app', 'echo $NAME'], want: 'image\n' },
    {
      name: '-e adds and replaces',
      args: ['-e', 'NAME=me', '-e', 'NEW=1', 'app', 'echo $GREETING $NAME $NEW'],
      want: 'hello me 1\n',
    },
    { name: '-w', args: ['-w', '/etc', 'app'], want: 'hello image from /etc as app\n' },
    { name: '-u', args: ['-u', '0:7', 'app', 'id -u; id -g'], want: '0\n7\n' },
    { name: '--entrypoint drops CMD', args: ['--entrypoint', '/bin/echo', 'app', 'x', '-e'], want: 'x -e\n' },
    { name: 'an image by its ID', args: ['ID', 'echo ok'], want: 'ok\n' },
  ])('$name', async ({ args, want }) => {
    const id = (await work.ok(['inspect', '-f', '{{.Id}}', 'app'])).trim();
    expect(await work.ok(['run', ...args.map((arg) => (arg === 'ID' ? id : arg))])).toBe(want);
  });

  test('hands the exit code on', async () => {
    expect((await work.run(['run', 'app', 'exit 42'])).code).toBe(42);
  });

  test('hands standard input and output on', async () => {
    const { stdout, stderr } = await work.run(['run', '-i', 'app', 'cat; echo err >&2'], {
      input: 'from outside',
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'from outside', stderr: 'err\n' });
  });

  test('-v shows a directory, read-only where asked', async () => {
    await mkdir(work.path('volume'), { recursive: true });
    await writeFile(work.path('volume', 'in'), 'x');
    const volume = work.path('volume');
    await work.ok(['run', '-u', '0', '-v', `${volume}:/data`, 'app', 'cp /data/in /data/out']);
    expect(await readFile(work.path('volume', 'out'), 'utf8')).toBe('x');
    const refused = await work.run(['run', '-u', '0', '-v', `${volume}:/data:ro`, 'app', 'touch /data/no']);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('Read-only file system');
  });

  test('what a container writes is gone afterwards', async () => {
    await work.ok(['run', '-u', '0', 'app', 'echo x > /written && rm /etc/group']);
    expect((await work.run(['run', 'app', 'test -e /written'])).code).toBe(1);
    expect((await work.run(['run', 'app', 'test -e /etc/group'])).code).toBe(0);
  });

  test('a termination reaches the process, and nothing is left', async () => {
    const child = work.start([
      'run',
      'app',
      'trap "echo bye; exit 5" TERM; echo ready; while :; do sleep 0.05; done',
    ]);
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('ready')) resolve();
      });
    });
    const ended = finished(child);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 5, stdout: 'bye\n' });
    expect(await tracesOf(work.store)).toEqual([]);
  });

  test('a program that is not there is an error that names it', async () => {
    const { code, stderr } = await work.run(['run', '--entrypoint', '/nope', 'app']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('/nope');
  });
});

describe('images and their names', () => {
  test('tag, list, history, save, remove and load', async () => {
    await work.ok(['tag', 'app', 'other:1']);
    expect(await work.ok(['images', '--format', '{{.Repository}}:{{.Tag}}'])).toContain('other:1');
    expect(await work.ok(['history', '--format', '{{.CreatedBy}}', '--no-trunc', 'app'])).toContain(
      'USER app',
    );
    const before = await work.ok(['inspect', '-f', '{{.Id}} {{json .Config}}', 'other:1']);
    for (const format of ['oci', 'docker']) {
      await work.ok(['save', '--format', format, '-o', work.path(`${format}.tar`), 'other:1']);
      await work.ok(['rmi', 'other:1']);
      expect((await work.run(['inspect', 'other:1'])).code).toBe(1);
      expect(await work.ok(['load', '-i', work.path(`${format}.tar`)])).toContain('other:1');
      expect(await work.ok(['inspect', '-f', '{{.Id}} {{json .Config}}', 'other:1'])).toBe(before);
      expect(await work.ok(['run', 'other:1', 'echo runs'])).toBe('runs\n');
    }
  });

  test('a loaded image whose layers are blobs is run without a pack', async () => {
    const archive = work.path('blobs.tar');
    await work.ok(['save', '-o', archive, 'base']);
    await using other = await Workspace.create();
    await other.ok(['load', '-q', '-i', archive]);
    expect(await other.ok(['run', 'base', '/bin/busybox', 'id', '-un'])).toBe('root\n');
    expect(await readdir(other.path('store/packs'))).toEqual([]);
  });

  test('an image that is only mounted from is unpacked from its blobs', async () => {
    const archive = work.path('mounted.tar');
    await work.ok(['save', '-o', archive, 'base']);
    await using other = await Workspace.create();
    const dir = await other.files('mounting', {
      Dockerfile: [
        'FROM scratch',
        'RUN --mount=type=bind,from=base,target=/m ["/m/bin/busybox", "cp", "/m/etc/passwd", "/copy"]',
      ].join('\n'),
    });
    await other.ok(['load', '-q', '-i', archive]);
    await other.ok(['build', '-q', '-t', 'mounting', dir]);
    expect(await readdir(other.path('store/packs'))).toEqual([]);
    expect(await other.ok(['run', 'base', '/bin/busybox', 'wc', '-l', '/etc/passwd'])).toMatch(/^\d+ /);
  });

  test('a loaded image goes out with the very blobs it came with', async () => {
    await work.ok(['load', '-i', work.path('oci.tar')], { env: { LAPIDARY_STORE: work.path('second') } });
    await work.ok(['save', '--format', 'oci', '-o', work.path('again.tar'), 'other:1'], {
      env: { LAPIDARY_STORE: work.path('second') },
    });
    expect((await readFile(work.path('again.tar'))).equals(await readFile(work.path('oci.tar')))).toBe(true);
  });
});

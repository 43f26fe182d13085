import { execFileSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finished, Workspace } from '../support/cli.ts';
import { tracesOf } from '../support/traces.ts';
import { untilSays } from '../support/until-says.ts';

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
});
afterAll(() => work[Symbol.asyncDispose]());

let count = 0;
type Files = Readonly<Record<string, string>>;
const context = (files: Files): Promise<string> => work.files(`mounts-${count++}`, files);

type Outcome = { readonly code: number | null; readonly stderr: string };
/** Of a build whose steps found what they were to find. */
const BUILT: Outcome = { code: 0, stderr: expect.stringContaining('executed') as string };

/** Builds a Dockerfile whose steps check themselves what they see. */
async function build(
  lines: readonly string[],
  files: Files = {},
  args: readonly string[] = [],
): Promise<Outcome> {
  const dir = await context({ Dockerfile: lines.join('\n'), ...files });
  const { code, stderr } = await work.run(['build', '--progress', 'plain', ...args, dir]);
  return { code, stderr };
}

const failure = async (
  lines: readonly string[],
  files: Files = {},
  args: readonly string[] = [],
): Promise<string> => {
  const dir = await context({ Dockerfile: lines.join('\n'), ...files });
  const { code, stderr } = await work.run(['build', '--progress', 'quiet', ...args, dir]);
  expect(code).toBe(1);
  return stderr;
};

/** Paths of the whole image that none of `base` has. */
async function added(
  lines: readonly string[],
  files: Files = {},
  args: readonly string[] = [],
): Promise<string[]> {
  const list = async (Dockerfile: string): Promise<string[]> => {
    const dir = await context({ Dockerfile, ...files });
    const tar = work.path(`added-${count++}.tar`);
    await work.ok(['build', '-q', '-o', `type=tar,dest=${tar}`, ...args, dir]);
    return execFileSync('tar', ['-tf', tar], { encoding: 'utf8' }).split('\n').filter(Boolean);
  };
  const base = new Set(await list('FROM base'));
  return (await list(lines.join('\n'))).filter((path) => !base.has(path)).sort();
}

describe('bind', () => {
  test('shows the context as .dockerignore leaves it, to be read only', async () => {
    expect(
      await build(
        [
          'FROM base',
          'WORKDIR /w',
          'RUN --mount=target=. test "$(cat a/b)" = one && test ! -e secret && ! touch a/new 2>/dev/null',
          'RUN --mount=source=a,target=/m test "$(ls /m)" = b && test "$(stat -c %u:%g /m/b)" = 0:0',
          'RUN --mount=source=a/b,target=/file test "$(cat /file)" = one && test -z "$(ls /w)"',
        ],
        { 'a/b': 'one', secret: 'x', '.dockerignore': 'secret' },
      ),
    ).toEqual(BUILT);
  });

  test('is read from stages, images and named contexts, through links, and what is written is thrown away', async () => {
    const named = await context({ 'in/it': 'named' });
    expect(
      await build(
        [
          'FROM base AS made',
          'RUN mkdir -p /opt/real && echo made > /opt/real/file && ln -s real /opt/link',
          'FROM base',
          'ARG from=made',
          'RUN --mount=from=$from,source=/opt/link,target=/m,rw test "$(cat /m/file)" = made && echo more > /m/file && rm -r /bin/id',
          'RUN --mount=from=made,source=opt,target=/m test "$(cat /m/link/file)" = made',
          'RUN --mount=from=base,target=/base test -e /base/bin/busybox && test -e /base/bin/id && test ! -e /bin/id',
          'RUN --mount=from=named,source=in/it,target=/it test "$(cat /it)" = named',
          'RUN --mount=from=scratch,target=/nothing test -z "$(ls /nothing)" && test "$(stat -c %a /nothing)" = 755',
        ],
        {},
        ['--build-context', `named=${named}`],
      ),
    ).toEqual(BUILT);
  });

  test('a step runs again only when what it mounts has changed', async () => {
    const Dockerfile =
      'FROM base\nRUN --mount=source=used,target=/m cat /m/f\nRUN --mount=target=/all true\n';
    const dir = await context({
      Dockerfile,
      'used/f': '1',
      'other/f': '1',
      '.dockerignore': 'Dockerfile\nignored',
    });
    const cached = async (): Promise<string | undefined> => {
      const { code, stderr } = await work.run(['build', '--progress', 'plain', dir]);
      expect(code).toBe(0);
      return /(\d) executed/.exec(stderr)?.[1];
    };
    expect(await cached()).toBe('2');
    expect(await cached()).toBe('0');
    await writeFile(`${dir}/ignored`, '2');
    expect(await cached()).toBe('0');
    await writeFile(`${dir}/other/f`, '2');
    expect(await cached()).toBe('1');
    await chmod(`${dir}/used`, 0o700);
    expect(await cached()).toBe('2');
    await writeFile(`${dir}/used/f`, '2');
    expect(await cached()).toBe('2');
  });

  test('other mounts may be in it', async () => {
    expect(
      await build(
        [
          'FROM base',
          'RUN --mount=target=/src --mount=type=cache,target=/src/node_modules --mount=type=tmpfs,target=/src/deep/tmp --mount=source=a,target=/src/file sh -c "touch /src/node_modules/x /src/deep/tmp/y && cat /src/file /src/a"',
        ],
        { a: 'a' },
      ),
    ).toEqual(BUILT);
  });

  test('what is not there is an error with a suggestion, at the mount', async () => {
    const error = await failure(['FROM base', 'RUN --mount=source=sorce,target=/x true'], { 'source/x': '' });
    expect(error).toContain('error[MOUNT_FAILED]: "/sorce" does not exist in the build context');
    expect(error).toContain('hint: did you mean source?');
    expect(error).toContain('Dockerfile:2:13');
    expect(await failure(['FROM base', 'RUN --mount=from=base,source=/nope/x,target=/x true'])).toContain(
      '"/nope/x" does not exist in what it is mounted from',
    );
  });

  test.for([
    [
      'a directory on a file',
      'RUN --mount=target=/etc/passwd true',
      'a directory is to be mounted where the image has a file',
    ],
    [
      'a file on a directory',
      'RUN --mount=source=Dockerfile,target=/etc true',
      'a file is to be mounted where the image has a directory',
    ],
    ['below a file', 'RUN --mount=target=/etc/passwd/x true', '"/etc/passwd" is not a directory'],
  ] as const)('%s is an error that says so', async ([, line, message]) => {
    const error = await failure(['FROM base', line]);
    expect(error).toContain('error[MOUNT_FAILED]: nothing can be mounted on');
    expect(error).toContain(message);
    expect(error).toContain('Dockerfile:2:');
  });
});

describe('what a layer keeps of mounts', () => {
  const kinds = [
    'target=/new/bind',
    'source=Dockerfile,target=/new/file',
    'type=cache,target=/var/cache/new',
    'type=tmpfs,target=/scratch',
    'type=secret,id=s',
    'type=secret,id=s,target=/etc/pass',
  ];
  test('nothing, not even the places that were made for them', async () => {
    const flags = kinds.map((kind) => `--mount=${kind}`).join(' ');
    await writeFile(work.path('s'), 'value');
    const lines = [
      'FROM base',
      `RUN ${flags} test -e /run/secrets/s && echo x | tee /var/cache/new/x /scratch/x > /kept && touch /run/t && rm /run/t`,
    ];
    expect(await added(lines, {}, ['--secret', `id=s,src=${work.path('s')}`])).toEqual(['kept']);
  });

  test('what a step puts beside them', async () => {
    const lines = [
      'FROM base',
      'RUN --mount=type=tmpfs,target=/a/b --mount=type=tmpfs,target=/c touch /a/kept /a/b/gone',
    ];
    expect(await added(lines)).toEqual(['a/', 'a/kept']);
  });

  test('a link of the image on the way is followed inside of it', async () => {
    const lines = [
      'FROM base',
      'RUN mkdir /real && ln -s /real /link && ln -s ../../../real /up',
      'RUN --mount=type=cache,target=/link/c --mount=type=tmpfs,target=/up/t touch /real/c/x /real/t/y && test -e /link/c/x',
    ];
    expect(await added(lines)).toEqual(['link', 'real/', 'up']);
  });
});

describe('tmpfs', () => {
  test('has a size, and the mode of what it covers', async () => {
    expect(
      await build([
        'FROM base',
        'RUN mkdir -m 700 /covered',
        'RUN --mount=type=tmpfs,target=/t,size=64k --mount=type=tmpfs,target=/covered ! dd if=/dev/zero of=/t/x bs=1k count=65 2>/dev/null && test "$(stat -c %a /t)" = 1777 && test "$(stat -c %a /covered)" = 700 && grep -q " /t tmpfs rw,nosuid" /proc/mounts',
        'RUN --mount=type=tmpfs,target=/t,ro ! touch /t/x',
      ]),
    ).toEqual(BUILT);
  });
});

describe('cache', () => {
  const args = (run: string): string[] => ['--no-cache', '--build-arg', `RUN=${run}`];

  test('outlives the build, by id, owner and namespace', async () => {
    const check = 'echo $RUN >> /c/log && cat /c/log | tr "\\n" " " > /seen && grep -qx "$WANT " /seen';
    const seen = (mount: string, want: string, ...more: string[]): Promise<Outcome> =>
      build(
        ['FROM base', 'ARG RUN', `RUN --mount=type=cache,${mount} export WANT="${want}"; ${check}`],
        {},
        more,
      );
    expect(await seen('target=/c', 'one', ...args('one'))).toEqual(BUILT);
    expect(await seen('target=/c', 'one two', ...args('two'))).toEqual(BUILT);
    expect(await seen('id=/c,target=/c', 'one two three', ...args('three'))).toEqual(BUILT);
    expect(await seen('id=other,target=/c', 'four', ...args('four'))).toEqual(BUILT);
    expect(await seen('target=/c,uid=1000', 'five', ...args('five'))).toEqual(BUILT);
    expect(
      await seen('target=/c', 'six', ...args('six'), '--build-arg', 'BUILDKIT_CACHE_MOUNT_NS=apart'),
    ).toEqual(BUILT);
    expect(await seen('target=/c', 'one two three seven', ...args('seven'))).toEqual(BUILT);
  });

  test('belongs to whom it says, and others can write where they may', async () => {
    expect(
      await build([
        'FROM base',
        'RUN --mount=type=cache,target=/own,uid=1000,gid=2000,mode=0750 --mount=type=cache,target=/roots test "$(stat -c "%u:%g %a" /own /roots | tr "\\n" ,)" = "1000:2000 750,0:0 755,"',
        'USER app',
        'RUN --mount=type=cache,target=/own,uid=1000,gid=2000,mode=0750 --mount=type=cache,target=/roots touch /own/x && ! touch /roots/x 2>/dev/null',
      ]),
    ).toEqual(BUILT);
  });

  test('is filled once, from a stage or a context, with owners and links', async () => {
    const lines = [
      'FROM base AS seed',
      'RUN mkdir -m 750 /s && echo seed > /s/a && chown 5:6 /s/a && ln /s/a /s/hard && ln -s a /s/soft && mkfifo /s/pipe',
      'FROM base',
      'RUN --mount=type=cache,id=filled,target=/c,from=seed,source=/s test "$(stat -c "%u:%g %h" /c/a)" = "5:6 2" && test -L /c/soft && test -p /c/pipe && test "$(stat -c %a /c)" = 750 && echo changed > /c/a',
      'RUN --mount=type=cache,id=filled,target=/c,from=seed,source=/s test "$(cat /c/hard)" = changed',
      'RUN --mount=type=cache,id=filled,target=/c,from=seed,source=/s,ro ! touch /c/new 2>/dev/null',
    ];
    expect(await build(lines)).toEqual(BUILT);
    expect(
      await failure(['FROM base', 'RUN --mount=type=cache,target=/c,from=base,source=/etc/passwd true']),
    ).toContain('"/etc/passwd" is a file, and a cache is a directory');
  });

  test('is one directory for two targets of a step', async () => {
    const flags =
      '--mount=type=cache,id=twice,target=/a,sharing=locked --mount=type=cache,id=twice,target=/b,sharing=locked';
    expect(await build(['FROM base', `RUN ${flags} touch /a/x && test -e /b/x`])).toEqual(BUILT);
  });

  /** Starts a build that holds a cache until it is killed. */
  async function holder(sharing: string): Promise<{ kill(): Promise<void> }> {
    const line = `RUN --mount=type=cache,id=held-${sharing},target=/c,sharing=${sharing} touch /c/mine && echo now-it-is-held && sleep 4343`;
    const dir = await context({ Dockerfile: `FROM base\n${line}` });
    const child = work.start(['build', '--progress', 'rawjson', '--no-cache', dir]);
    await untilSays(child, `"data":"now-it-is-held`).catch(async (error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    return {
      async kill() {
        const ended = finished(child);
        child.kill('SIGKILL');
        await ended;
        expect(await tracesOf(work.store)).toEqual([]);
      },
    };
  }

  test('shared is used by two builds at once', async () => {
    const first = await holder('shared');
    expect(
      await build([
        'FROM base',
        'RUN --mount=type=cache,id=held-shared,target=/c test -e /c/mine && touch /c/second',
      ]),
    ).toEqual(BUILT);
    await first.kill();
    expect(
      await build([
        'FROM base',
        'RUN --mount=type=cache,id=held-shared,target=/c test -e /c/mine && test -e /c/second',
      ]),
    ).toEqual(BUILT);
  });

  test('private is another directory while one is in use, and the first one again when its user was killed', async () => {
    const mount = 'RUN --mount=type=cache,id=held-private,target=/c,sharing=private';
    const first = await holder('private');
    expect(await build(['FROM base', `${mount} test ! -e /c/mine`])).toEqual(BUILT);
    await first.kill();
    expect(await build(['FROM base', `${mount} test -e /c/mine`])).toEqual(BUILT);
  });

  test('locked waits until its user has ended, however that ends', async () => {
    const first = await holder('locked');
    const dir = await context({
      Dockerfile: 'FROM base\nRUN --mount=type=cache,id=held-locked,target=/c,sharing=locked test -e /c/mine',
    });
    const second = work.start(['build', '--progress', 'plain', dir]);
    const ended = finished(second);
    await untilSays(second, 'waiting for the cache "held-locked", which is in use');
    await first.kill();
    expect((await ended).code).toBe(0);
  });

  test('locked steps of one build take turns', async () => {
    const mount = (id: string): string => `--mount=type=cache,id=${id},target=/${id},sharing=locked`;
    const turn = 'test ! -e /x1/busy && touch /x1/busy && usleep 20000 && rm /x1/busy';
    const stages = ['a', 'b', 'c'].map(
      (name) => `FROM base AS ${name}\nRUN ${mount('x1')} ${mount('x2')} ${turn} && touch /${name}`,
    );
    const last = ['FROM base', ...['a', 'b', 'c'].map((name) => `COPY --from=${name} /${name} /`)];
    expect(await build([...stages, ...last])).toEqual(BUILT);
  });
});

describe('rights', () => {
  test('--network of the build is what steps get that name none', async () => {
    const only = 'test "$(ls /sys/class/net)" = lo';
    expect(await build(['FROM base', `RUN ${only}`], {}, ['--network', 'none'])).toEqual(BUILT);
    const error = await failure(['FROM base', 'RUN --network=host true'], {}, ['--network', 'none']);
    expect(error).toContain('error[NOT_ALLOWED]: this step asks for network.host');
    expect(
      await build(['FROM base', `RUN --network=host ! ${only}`], {}, [
        '--network',
        'none',
        '--allow',
        'network.host',
      ]),
    ).toEqual(BUILT);
  });

  test('--security=insecure has every capability and no filter, where the build allows it', async () => {
    // Only root of the machine can make them
    const devices = process.getuid?.() === 0 ? 'test -b /dev/loop0' : 'test ! -e /dev/loop0';
    const lines = [
      'FROM base',
      'RUN ! mount -t tmpfs none /root 2>/dev/null && grep -q "^Seccomp:.*2" /proc/self/status',
      `RUN --security=insecure mount -t tmpfs none /root && grep -q "^Seccomp:.*0" /proc/self/status && test "$(grep CapEff /proc/self/status | cut -f2)" = "$(grep CapBnd /proc/1/status | cut -f2)" && ${devices} && ! grep " /proc/sys " /proc/mounts`,
    ];
    expect(await build(lines, {}, ['--allow', 'security.insecure'])).toEqual(BUILT);
    expect(await failure(lines)).toContain('hint: build with --allow security.insecure');
  });

  test('BUILDKIT_SANDBOX_HOSTNAME names the host', async () => {
    expect(
      await build(['FROM base', 'RUN test "$(hostname)" = box && grep -q box /etc/hosts'], {}, [
        '--build-arg',
        'BUILDKIT_SANDBOX_HOSTNAME=box',
      ]),
    ).toEqual(BUILT);
  });

  test('--no-cache-filter executes the steps of one stage anew', async () => {
    const Dockerfile = 'FROM base AS one\nRUN echo filter-one\nFROM one AS two\nRUN echo filter-two';
    const dir = await context({ Dockerfile });
    await work.ok(['build', '-q', dir]);
    const { stderr } = await work.run(['build', '--progress', 'plain', '--no-cache-filter', 'Two', dir]);
    expect(stderr).toContain('1 executed, 1 cached');
    const wrong = await work.run(['build', '--no-cache-filter', 'tow', dir]);
    expect(wrong.stderr).toContain('did you mean two?');
  });
});

test('FROM a named context that is a directory has its files, and no configuration', async () => {
  const dir = await context({
    Dockerfile: 'FROM files AS base\nENV A=1\nFROM base\nCOPY more /etc/more\n',
    more: 'more',
  });
  const named = await work.files('from-directory', {
    'etc/own': 'own',
    '.dockerignore': 'secret',
    secret: 'x',
  });
  const tar = work.path('from-directory.tar');
  await work.ok([
    'build',
    '-q',
    '-t',
    'dir',
    '-o',
    `type=tar,dest=${tar}`,
    '--build-context',
    `files=${named}`,
    dir,
  ]);
  const names = execFileSync('tar', ['-tf', tar], { encoding: 'utf8' }).split('\n').filter(Boolean);
  expect(names).toEqual(['.dockerignore', 'etc/', 'etc/more', 'etc/own']);
  const config = await work.ok(['inspect', '-f', '{{json .Config.Env}} {{len .RootFS.Layers}}', 'dir']);
  expect(config.trim()).toBe('["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=1"] 2');
});

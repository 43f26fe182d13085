import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finished, Workspace } from '../support/cli.ts';
import { tracesOf } from '../support/traces.ts';
import { untilSays } from '../support/until-says.ts';

/** No text of it stands in this file, which is no trace, and none of it is likely by chance. */
const VALUE = ['hush', 'do-not-tell', '93471'].join('!');

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
  await writeFile(work.path('value'), VALUE);
  await writeFile(work.path('line'), `${VALUE}\n`);
});
afterAll(() => work[Symbol.asyncDispose]());

let count = 0;
const context = (...lines: string[]): Promise<string> =>
  work.files(`secrets-${count++}`, { Dockerfile: ['FROM base', ...lines].join('\n') });

/** The value as it is, and as base64 at any alignment, hex and percent escapes would have it. */
const FORMS: readonly string[] = [
  VALUE,
  ...[0, 1, 2].map((pad) =>
    Buffer.from(`${'x'.repeat(pad)}${VALUE}`)
      .toString('base64')
      .slice(pad + 2, -4),
  ),
  Buffer.from(VALUE).toString('hex'),
  encodeURIComponent(VALUE),
];
const hasTrace = (bytes: Buffer): boolean => FORMS.some((form) => bytes.includes(form, 0, 'latin1'));

/** But for what is in directories that nobody may enter, as overlayfs has one for itself. */
async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const below = entries.map(async (entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
  return (await Promise.all(below)).flat();
}

/** Files below a directory that hold a trace of the secret, or what `holds` says. */
async function tracesBelow(directory: string, holds = hasTrace): Promise<string[]> {
  const found: string[] = [];
  let files = 0;
  for (const path of await filesBelow(directory)) {
    files += 1;
    // A file of a run may go away while we look
    if (holds(await readFile(path).catch(() => Buffer.alloc(0)))) found.push(path);
  }
  expect(files).toBeGreaterThan(10);
  return found;
}

/** Processes whose arguments or environment hold it; of those that run the image's programs only arguments count. */
async function tracesInProcesses(): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter(
    (name) => /^\d+$/.test(name) && Number(name) !== process.pid,
  )) {
    const read = (name: string): Promise<Buffer> =>
      readFile(`/proc/${pid}/${name}`).catch(() => Buffer.alloc(0));
    const program = basename(await readlink(`/proc/${pid}/exe`).catch(() => ''));
    const command = await read('cmdline');
    if (hasTrace(command)) found.push(`arguments of ${pid}: ${command.toString()}`);
    if (program !== 'busybox' && hasTrace(await read('environ')))
      found.push(`environment of ${pid}: ${program}`);
  }
  return found;
}

describe('a secret', () => {
  const mounts =
    '--mount=type=secret,id=pass --mount=type=secret,id=pass,target=/other,env=PASS,uid=1000,mode=0440';

  test('is in a file and a variable of the step, and nowhere afterwards', async () => {
    const dir = await context(
      `RUN ${mounts} test "$(cat /run/secrets/pass)" = "$PASS" && test "$(stat -c "%u:%g %a" /run/secrets/pass /other | tr "\\n" ,)" = "0:0 400,1000:0 440," && ! touch /run/secrets/pass 2>/dev/null && echo "it is $PASS." && env > /environment && rm /environment && touch /kept`,
    );
    const args = [
      'build',
      '--progress',
      'rawjson',
      '-t',
      'told',
      '--secret',
      `id=pass,src=${work.path('value')}`,
    ];
    const result = await work.run([...args, '-o', `type=oci,dest=${work.path('told.tar')}`, dir]);
    expect(result).toEqual({ code: 0, stdout: '', stderr: expect.stringContaining('it is ***.') as string });
    expect(hasTrace(Buffer.from(result.stderr))).toBe(false);
    expect(await tracesBelow(work.store)).toEqual([]);
    expect(hasTrace(await readFile(work.path('told.tar')))).toBe(false);
    const config = await work.ok(['inspect', 'told']);
    expect(hasTrace(Buffer.from(config + (await work.ok(['history', '--no-trunc', 'told']))))).toBe(false);
  });

  test('that is printed by a step that fails is in no error', async () => {
    const dir = await context(
      `RUN ${mounts} printf "hush!do-not-"; printf "tell!93471"; echo; cat /other >&2; false`,
    );
    const { code, stderr } = await work.run(['build', '--secret', `id=pass,src=${work.path('line')}`, dir]);
    expect(code).toBe(1);
    expect(stderr).toContain('error[RUN_FAILED]');
    // The Dockerfile's own words are not the secret
    expect(stderr.split('\n').filter((line) => hasTrace(Buffer.from(line)))).toEqual([]);
    expect(stderr.match(/\*\*\*/g)?.length).toBeGreaterThanOrEqual(2);
  });

  test('that the sandbox cannot mount is in no error', async () => {
    await writeFile(work.path('nul'), `${VALUE}\0${VALUE}`);
    const dir = await context('RUN --mount=type=secret,id=pass,env=PASS true');
    const { code, stderr } = await work.run(['build', '--secret', `id=pass,src=${work.path('nul')}`, dir]);
    expect(code).toBe(1);
    expect(stderr).toContain('error[MOUNT_FAILED]: the secret for the variable "PASS" has a NUL byte');
    expect(hasTrace(Buffer.from(stderr))).toBe(false);
    expect(await tracesBelow(work.store)).toEqual([]);
  });

  test('is on no disk and in no arguments while the step runs, and gone when the build is killed', async () => {
    const dir = await context(`RUN ${mounts} echo it-is-mounted && sleep 4545`);
    const args = ['build', '--progress', 'rawjson', '--secret', `id=pass,src=${work.path('value')}`];
    const child = work.start([...args, dir]);
    await untilSays(child, '"data":"it-is-mounted');
    // It is in memory that this process's mount namespace does not show
    expect(await tracesBelow(work.store)).toEqual([]);
    expect(await tracesInProcesses()).toEqual([]);
    const ended = finished(child);
    child.kill('SIGKILL');
    await ended;
    expect(await tracesOf(work.store)).toEqual([]);
    expect(await tracesOf('sleep\x004545')).toEqual([]);
    expect(await tracesBelow(work.store)).toEqual([]);
  });

  test('is no part of a key: another value runs nothing again', async () => {
    const dir = await context('RUN --mount=type=secret,id=changing,env=X test -n "$X"');
    const build = async (value: string): Promise<string> =>
      (await work.run(['build', '--secret', 'id=changing,env=X', dir], { env: { X: value } })).stderr;
    expect(await build('value-one')).toContain('1 executed, 0 cached');
    expect(await build('value-two')).toContain('0 executed, 1 cached');
  });

  test('that is not given is absent, or an error where it is required', async () => {
    const optional = await context(
      'RUN --mount=type=secret,id=none --mount=type=secret,id=none,env=NONE test ! -e /run && test -z "$NONE"',
    );
    await work.ok(['build', '-q', optional]);
    const required = await context('RUN --mount=type=secret,id=pas,required=true true');
    const { code, stderr } = await work.run([
      'build',
      '--secret',
      `id=pass,src=${work.path('value')}`,
      required,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('error[MOUNT_FAILED]: the secret "pas" is required, and not given to the build');
    expect(stderr).toContain('hint: build with --secret id=pas,src=FILE; did you mean the secret pass?');
  });

  test.for([
    [
      'a file that is not there',
      'id=a,src=/nowhere/at/all',
      'the secret "a" cannot be read from "/nowhere/at/all"',
    ],
    ['a directory', 'id=a,src=/etc', '"/etc" is a directory'],
    ['more than 500 KiB', 'id=a,src=BIG', 'the secret "a" is larger than 500 KiB'],
  ] as const)('%s is told at once', async ([, spec, message]) => {
    await writeFile(work.path('BIG'), Buffer.alloc(512_001));
    const { code, stderr } = await work.run(['build', '--secret', spec, await context('RUN true')]);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('may come from a pipe', async () => {
    const dir = await context(
      'RUN --mount=type=secret,id=p --mount=type=secret,id=p,env=P test "$P" = from-a-pipe',
    );
    execFileSync('mkfifo', [work.path('pipe')]);
    const writer = writeFile(work.path('pipe'), 'from-a-pipe');
    const { code } = await work.run(['build', '-q', '--secret', `id=p,src=${work.path('pipe')}`, dir]);
    await writer;
    expect(code).toBe(0);
  });
});

describe('an SSH agent', () => {
  let socket: string;
  let key: string;
  let agent: ReturnType<typeof spawn>;
  beforeAll(async () => {
    await mkdir(work.path('ssh'));
    key = work.path('ssh', 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'the-key', '-f', key]);
    socket = work.path('ssh', 'agent');
    agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (agent.stdout) await once(agent.stdout, 'data');
    execFileSync('ssh-add', ['-q', key], { env: { SSH_AUTH_SOCK: socket } });
    await sshTools();
  });
  afterAll(() => agent.kill());

  /** A base with this machine's own ssh-add and ssh-keygen and the libraries they need. */
  async function sshTools(): Promise<void> {
    const dir = await work.files('tools', { Dockerfile: 'FROM base\nCOPY root/ /\n' });
    for (const program of ['/usr/bin/ssh-add', '/usr/bin/ssh-keygen']) {
      const needs = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
      for (const file of [program, ...needs]) {
        await mkdir(join(dir, 'root', file, '..'), { recursive: true });
        await copyFile(file, join(dir, 'root', file));
      }
    }
    await work.ok(['build', '-q', '-t', 'tools', dir]);
  }

  const build = async (lines: readonly string[], ...args: string[]): Promise<string> => {
    const dir = await work.files(`ssh-${count++}`, { Dockerfile: ['FROM tools', ...lines].join('\n') });
    const { stderr } = await work.run(['build', '--progress', 'plain', ...args, dir], {
      env: { SSH_AUTH_SOCK: socket },
    });
    return stderr;
  };
  const sign =
    'echo x > /tmp/x && ssh-add -L > /tmp/key && ssh-keygen -q -Y sign -f /tmp/key -n file /tmp/x && test -s /tmp/x.sig';

  test('tells its keys and signs with them, and does nothing else for a step', async () => {
    const stderr = await build(
      [
        `RUN --mount=type=ssh ssh-add -l && ${sign} && ! ssh-add -D 2>/dev/null && ! ssh-add -x </dev/null 2>/dev/null && ssh-add -l && echo "$SSH_AUTH_SOCK"`,
      ],
      '--ssh',
      'default',
    );
    expect(stderr).toContain('the-key (ED25519)');
    expect(stderr).toContain('/run/buildkit/ssh_agent.0');
    expect(stderr).toContain('1 executed');
    expect(execFileSync('ssh-add', ['-l'], { env: { SSH_AUTH_SOCK: socket }, encoding: 'utf8' })).toContain(
      'the-key',
    );
  });

  test('has the place, the mode and the owner that the step says', async () => {
    const mount = '--mount=type=ssh,id=git,target=/home/agent,uid=1000,gid=2000,mode=0600';
    const stderr = await build(
      [
        `RUN ${mount} test "$(stat -c "%u:%g %a" /home/agent)" = "1000:2000 600"`,
        'USER app',
        `RUN ${mount} ssh-add -l`,
      ],
      '--ssh',
      `git=${socket}`,
    );
    expect(stderr).toContain('2 executed');
  });

  test('of the step’s own holds the keys that are named, and ends with it', async () => {
    const stderr = await build([`RUN --mount=type=ssh ssh-add -l && ${sign}`], '--ssh', `default=${key}`);
    expect(stderr).toContain('the-key (ED25519)');
    expect(stderr).toContain('1 executed');
    expect(await tracesOf('ssh-agent\0-D\0-a\0keys')).toEqual([]);
    const secret = (await readFile(key, 'utf8')).split('\n')[2] ?? '';
    expect(secret).toHaveLength(70);
    expect(await tracesBelow(work.store, (bytes) => bytes.includes(secret))).toEqual([]);
  });

  test('is gone when the build is killed', async () => {
    const dir = await work.files('ssh-killed', {
      Dockerfile: 'FROM tools\nRUN --mount=type=ssh ssh-add -l && echo it-is-mounted && sleep 4646',
    });
    const child = work.start(['build', '--progress', 'rawjson', '--ssh', `default=${key}`, dir]);
    await untilSays(child, 'it-is-mounted');
    const ended = finished(child);
    child.kill('SIGKILL');
    await ended;
    expect(await tracesOf(work.store)).toEqual([]);
    expect(await tracesOf('ssh-agent\0-D\0-a\0keys')).toEqual([]);
  });

  test('that is not given is absent, or an error where it is required', async () => {
    expect(await build(['RUN --mount=type=ssh test ! -e "$SSH_AUTH_SOCK"'])).toContain('1 executed');
    const stderr = await build(['RUN --mount=type=ssh,required true']);
    expect(stderr).toContain(
      'error[MOUNT_FAILED]: the SSH agent "default" is required, and not given to the build',
    );
    expect(stderr).toContain('hint: build with --ssh default');
  });

  test('does not take a key that needs a passphrase', async () => {
    const locked = work.path('ssh', 'locked');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'passphrase', '-f', locked]);
    const stderr = await build(['RUN --mount=type=ssh true'], '--ssh', `default=${locked}`);
    expect(stderr).toContain('error[MOUNT_FAILED]: an SSH key that was given with --ssh cannot be used');
    expect(stderr).toContain('hint: a key with a passphrase must be added to an agent');
  });
});

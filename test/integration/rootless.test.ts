import { spawn } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, finished, Workspace } from '../support/cli.ts';
import { arm64Program } from '../support/foreign-program.ts';
import { tracesOf } from '../support/traces.ts';

/* Builds of root beside those of an ordinary user: root runs these. */

const AS_USER = fileURLToPath(new URL('../../scripts/as-user.sh', import.meta.url));

/** Everything that owners, modes and removals can do to a layer. */
const DOCKERFILE = [
  'FROM scratch',
  'COPY busybox /bin/busybox',
  'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
  'RUN mkdir -m 1777 /tmp && mkdir -p /d/sub && echo old > /d/sub/f && chown -R 33:44 /d && chmod 2750 /d',
  'RUN echo secret > /shadow && chmod 0 /shadow && mkdir -m 700 /closed && echo in > /closed/f && chown -R 7:8 /closed',
  'RUN cp /bin/busybox /bin/tool && chmod 4755 /bin/tool && ln /bin/tool /bin/tool2 && ln -s nowhere /link && mkfifo /pipe',
  'RUN rm -r /d && mkdir /d && echo new > /d/new && rm /shadow && chown 65534:65534 /closed/f',
  'FROM scratch',
  'COPY --from=0 / /',
  'RUN rm /bin/tool2 && echo $(id -u):$(id -g) > /who',
  'USER 1000:1000',
  'RUN id -u > /tmp/user',
].join('\n');

let work: Workspace;
let context: string;
beforeAll(async () => {
  work = await Workspace.create();
  context = await contextOf('context', DOCKERFILE);
});
afterAll(() => work[Symbol.asyncDispose]());

async function contextOf(name: string, dockerfile: string): Promise<string> {
  const path = await work.files(name, { Dockerfile: dockerfile });
  await copyFile('/bin/busybox', `${path}/busybox`);
  return path;
}

function asUser(script: string): Promise<CliResult> {
  const child = spawn('sh', [AS_USER, 'sh', '-eu', '-c', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  return finished(child);
}

/** Makes a build context in the user's own directory. */
function put(dockerfile: string): string {
  const text = Buffer.from(dockerfile).toString('base64');
  return `mkdir "$TMPDIR/c"; cp /bin/busybox "$TMPDIR/c"; printf %s ${text} | base64 -d > "$TMPDIR/c/Dockerfile";`;
}

const inContext = (lines: readonly string[]): string => put(lines.join('\n'));

const LAPIDARY = 'node bin/lapidary.js --store "$TMPDIR/store"';

describe('an ordinary user', () => {
  test('builds the same image as root, bit for bit', async () => {
    const flags = ['--source-date-epoch', '1700000000', '-q'];
    const byRoot = await work.ok(['build', ...flags, context]);
    const inNamespace = await work.ok(['build', ...flags, '--isolation', 'user-namespace', context], {
      env: { LAPIDARY_STORE: work.path('other') },
    });
    const { stdout, stderr } = await asUser(
      `${put(DOCKERFILE)} ${LAPIDARY} build ${flags.join(' ')} "$TMPDIR/c"`,
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(byRoot);
    expect(inNamespace).toBe(byRoot);
  });

  test('builds the same images as root for several platforms, one of them emulated', async () => {
    const foreign = arm64Program({ text: 'from afar', exit: 0 });
    const lines = ['FROM scratch', 'ARG TARGETARCH', 'COPY $TARGETARCH /busybox', 'RUN ["/busybox", "true"]'];
    const program = await readFile('/bin/busybox');
    const files = { Dockerfile: lines.join('\n'), amd64: program, arm64: foreign };
    const flags = ['-q', '--source-date-epoch', '1700000000', '--platform', 'linux/amd64,linux/arm64'];
    const own = await work.files('platforms', files);
    await Promise.all(['amd64', 'arm64'].map((name) => chmod(`${own}/${name}`, 0o755)));
    const byRoot = await work.ok(['build', ...flags, own]);
    const script = `${put(files.Dockerfile)} mv "$TMPDIR/c/busybox" "$TMPDIR/c/amd64"; chmod 755 "$TMPDIR/c/amd64";
      printf %s ${Buffer.from(foreign).toString('base64')} | base64 -d > "$TMPDIR/c/arm64"; chmod 755 "$TMPDIR/c/arm64";
      ${LAPIDARY} build ${flags.join(' ')} "$TMPDIR/c"`;
    const { stdout, stderr } = await asUser(script);
    expect({ stdout, stderr }).toEqual({ stdout: byRoot, stderr: '' });
    expect(byRoot).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  });

  test('with a single ID is told what is lacking, and which step it fails', async () => {
    const lines = [
      'FROM scratch',
      'COPY --chown=5:6 busybox /x/busybox',
      'COPY busybox /bin/busybox',
      'RUN ["/bin/busybox", "true"]',
    ];
    const { code, stderr } = await asUser(
      `${inContext(lines)} setpriv --no-new-privs ${LAPIDARY} build --progress plain "$TMPDIR/c"`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('commands run with a single user ID');
    expect(stderr).toContain(
      'cannot unpack "x/busybox" of a layer: its owner has no ID in the user namespace',
    );
    expect(stderr).toContain('/etc/subuid');
  });

  test('with a single ID builds what belongs to root', async () => {
    const lines = ['FROM scratch', 'COPY busybox /bin/busybox', 'RUN ["/bin/busybox", "touch", "/made"]'];
    const { code, stderr } = await asUser(
      `${inContext(lines)} setpriv --no-new-privs ${LAPIDARY} build -q "$TMPDIR/c"`,
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
  });
});

describe('stores', () => {
  test('of another user are refused, by root too', async () => {
    const store = work.path('foreign');
    await mkdir(store);
    await chown(store, 1234, 1234);
    const { code, stderr } = await work.run(['images'], { env: { LAPIDARY_STORE: store } });
    expect(code).toBe(1);
    expect(stderr).toContain('belongs to the user with ID 1234');
    expect(stderr).toContain('--store');
  });

  test('that root unpacked into are not used in a user namespace', async () => {
    await work.ok(['build', '-q', context]);
    const { code, stderr } = await work.run([
      'build',
      '--no-cache',
      '--isolation',
      'user-namespace',
      context,
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('were unpacked with other user IDs');
  });
});

describe('without any privilege', () => {
  /** As in a container in which nobody may make namespaces. */
  const confined = (args: string): Promise<CliResult> =>
    asUser(
      `${inContext(['FROM scratch', 'COPY busybox /b', 'RUN ["/b", "true"]'])} unshare -Ur sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; exec ${LAPIDARY} ${args}'`,
    );

  test('a build without RUN works, --isolation=none or not', async () => {
    const { code, stderr } = await asUser(
      `${inContext(['FROM scratch', 'COPY busybox /b'])} ${LAPIDARY} build --isolation none -q "$TMPDIR/c"`,
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
  });

  test('RUN names the missing permission and its fix', async () => {
    const { code, stderr } = await confined('build --isolation user-namespace "$TMPDIR/c"');
    expect(code).toBe(1);
    expect(stderr).toContain('error[PERMISSION]');
    expect(stderr).toContain('user.max_user_namespaces=0');
    expect(stderr).toContain('sysctl user.max_user_namespaces=15000');
  });

  test('RUN is an error where it is forbidden', async () => {
    const { code, stderr } = await work.run(['build', '--isolation', 'none', '--no-cache', context]);
    expect(code).toBe(1);
    expect(stderr).toContain('--isolation=none forbids it');
  });
});

describe('what is left of a build', () => {
  test('of an ordinary user that is killed: no process, and the next build removes what was left', async () => {
    const lines = [
      'FROM scratch',
      'COPY busybox /bin/busybox',
      'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
      'RUN mkdir -m 700 /a && touch /a/b && chown -R 5:5 /a && echo begun && sleep 3133',
    ];
    const { code, stdout, stderr } = await asUser(
      [
        inContext(lines),
        `${LAPIDARY} build --progress plain "$TMPDIR/c" > "$TMPDIR/out" 2>&1 & child=$!;`,
        `until grep -q ' begun' "$TMPDIR/out"; do sleep 0.1; done; kill -KILL $child; sleep 0.5;`,
        `sed -i 's/sleep 3133/true/' "$TMPDIR/c/Dockerfile"; ${LAPIDARY} build -q "$TMPDIR/c";`,
        `ls "$TMPDIR/store/work" "$TMPDIR/store/discarded" 2>/dev/null || true`,
      ].join('\n'),
    );
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n/);
    expect(stdout.split('\n').filter((line) => /^[0-9a-f-]+$/.test(line))).toEqual([]);
    expect(await tracesOf('sleep\x003133')).toEqual([]);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunRequest, Runtime } from '../../src/solve/index.ts';
import type { LayerId } from '../../src/tree/index.ts';
import { baseEntries, openRuntime, request, run, type ShellResult, TestStore } from './sandbox-support.ts';

/*
 * What a step tries against the machine, each refused. These run as root and as an ordinary user: confinement must not
 * depend on which of the two builds.
 */

const CACHE = { type: 'cache', target: '/c', sharing: 'shared', readonly: false } as const;
const MARK = `lapidary-escape-${process.pid}`;
let store: TestStore;
let base: LayerId;
let runtime: Runtime;

beforeAll(() => {
  store = new TestStore();
  base = store.write(baseEntries());
  runtime = openRuntime(store);
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
  await store.remove();
});

/** ptrace(PTRACE_ATTACH, …) by its number: tells why not, and exits with 1 when it is refused. */
function attach(pid: string): string {
  const number = process.arch === 'arm64' ? 117 : 101;
  return `perl -e 'exit 0 if syscall(${number}, 16, $ARGV[0] + 0, 0, 0) == 0; print "$!\\n"; exit 1' ${pid}`;
}

function shell(script: string, more: Partial<RunRequest> = {}): Promise<ShellResult> {
  return run(runtime, request([base], { argv: ['/bin/bash', '-c', script], network: 'default', ...more }));
}

describe('files', () => {
  test.for([
    { name: 'by going up', path: '/../../../../../../tmp' },
    { name: 'by the root of its first process', path: '/proc/1/root/../../tmp' },
    { name: 'by the working directory of its first process', path: '/proc/1/cwd/../../../../tmp' },
  ])('nothing is written outside of the root $name', async ({ path }) => {
    await shell(`echo x > ${path}/${MARK}`);
    expect(existsSync(`/tmp/${MARK}`)).toBe(false);
  });

  test('a link of the image does not lead out of it', async () => {
    await shell(
      `ln -s / /out; echo x > /out/tmp/${MARK}; ln -s /proc/1/root/tmp /tmp/up; echo x > /tmp/up/${MARK}`,
    );
    expect(existsSync(`/tmp/${MARK}`)).toBe(false);
  });

  test('a device node of a disk, or of memory, opens nothing', async () => {
    const places = ['/disk', '/dev/disk', '/tmp/disk', '/dev/shm/disk'];
    const script = places.map(
      (path) => `{ mknod ${path} c 1 1 && cat ${path} >/tmp/read && echo opened ${path}; } 2>&1`,
    );
    const { out } = await shell(script.join('\n'));
    expect(out).not.toContain('opened');
    expect(out).toMatch(/Permission denied|not permitted/);
    const { out: readable } = await shell('echo x >/dev/null && head -c 3 /dev/zero | busybox wc -c');
    expect(readable.trim()).toBe('3');
  });
});

describe('processes', () => {
  test('those of the machine are neither seen nor signalled nor traced', async () => {
    const pid = process.pid;
    const { out } = await shell(
      `kill -0 ${pid} 2>&1; cat /proc/${pid}/mem 2>&1; for p in /proc/[0-9]*; do readlink $p/exe; done; true`,
    );
    expect(out).toContain('No such process');
    expect(out).not.toContain('node');
  });

  test('a process of the machine cannot be attached to, as one of the step itself can', async () => {
    const { out } = await shell(
      `sleep 5 & ${attach('$!')}; echo own $?; ${attach(String(process.pid))}; echo other $?; kill -9 %1`,
    );
    expect(out).toContain('own 0\n');
    expect(out).toContain('No such process');
    expect(out).toContain('other 1\n');
  });

  test('process 1 is the command itself: killing everything ends the step alone', async () => {
    const { result } = await shell('kill -9 -1; sleep 0.1; exit 7');
    expect(result.ok).toBe(false);
    expect((await shell('echo alive')).out).toBe('alive\n');
  });
});

describe('the kernel', () => {
  test.for([
    { name: 'mount a filesystem', script: 'mount -t tmpfs none /tmp' },
    { name: 'bind a directory', script: 'mount --bind /etc /tmp' },
    { name: 'mount /proc anew', script: 'mount -t proc none /tmp' },
    { name: 'remount its root', script: 'mount -o remount,dev /' },
    { name: 'take a cover away', script: 'busybox umount /proc/keys' },
    { name: 'make a user namespace', script: 'busybox unshare -U true' },
    { name: 'make a mount namespace', script: 'busybox unshare -m true' },
    { name: 'load a module', script: 'echo x > /tmp/m.ko; busybox insmod /tmp/m.ko' },
    { name: 'set the path of a helper', script: 'echo /bin/sh > /proc/sys/kernel/core_pattern' },
    { name: 'press a system request', script: 'echo h > /proc/sysrq-trigger' },
    { name: 'change a cgroup', script: 'mkdir /sys/fs/cgroup/escape' },
  ])('a step cannot $name', async ({ script }) => {
    const { result, err } = await shell(script);
    expect(result.ok).toBe(false);
    expect(err).toMatch(/not permitted|denied|Read-only|No such file|must be superuser/i);
  });
});

describe('the network', () => {
  let server: Server;
  let asked = 0;
  beforeAll(async () => {
    server = createServer((socket) => {
      asked += 1;
      socket.end('secret');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => server.close());

  const port = (): number => (server.address() as { port: number }).port;

  test('a service on the loopback of the machine is out of reach', async () => {
    const { err, out } = await shell(
      `exec 3<>/dev/tcp/127.0.0.1/${port()} && cat <&3; cat /proc/net/route >&2`,
    );
    expect(out).toBe('');
    expect(err).toContain('refused');
    expect(err, 'there is a way to others').toMatch(/\t00000000\t/);
    expect(asked).toBe(0);
  });

  test('it is reached by a step that may have the network of the machine', async () => {
    const { out } = await shell(`exec 3<>/dev/tcp/127.0.0.1/${port()} && cat <&3`, { network: 'host' });
    expect(out).toBe('secret');
  });

  test('abstract sockets of the machine are out of reach', async () => {
    const { out } = await shell('cat /proc/net/unix');
    const own = readFileSync('/proc/net/unix', 'utf8')
      .split('\n')
      .filter((line) => line.includes(' @'));
    for (const line of own) expect(out).not.toContain(line.slice(line.indexOf('@')));
  });
});

describe.for(['another step', 'another build'] as const)('%s', (who) => {
  let other: Runtime;
  beforeAll(() => {
    other = who === 'another step' ? runtime : openRuntime(store);
  });
  afterAll(async () => {
    if (other !== runtime) await other[Symbol.asyncDispose]();
  });

  function elsewhere(script: string, more: Partial<RunRequest>): Promise<ShellResult> {
    return run(other, request([base], { argv: ['/bin/bash', '-c', script], network: 'default', ...more }));
  }

  test('keeps its secret while it runs', async () => {
    const secret = Buffer.from(`secret-${MARK}`);
    const mount = { type: 'secret', target: '/run/s', bytes: secret, uid: 0, gid: 0, mode: 0o400 } as const;
    const shared = { ...CACHE, id: `meet-${who.length}`, name: `meet-${who.length}` };
    // Both run until each has seen the other
    const holder = elsewhere('cat /run/s; touch /c/here; until [ -e /c/looked ]; do sleep 0.1; done', {
      mounts: [mount, shared],
    });
    const { out } = await shell(
      'until [ -e /c/here ]; do sleep 0.1; done; cat /run/s 2>&1; cat /proc/self/mountinfo; cat /proc/[0-9]*/environ; grep -ral secret- /run /dev/shm /tmp /c; touch /c/looked',
      { mounts: [shared] },
    );
    expect(out).toContain('No such file');
    expect(out).not.toContain(MARK);
    expect((await holder).out).toBe(String(secret));
  });

  test('keeps its cache, unless that is asked for', async () => {
    const cache = { ...CACHE, id: `mine-${who.length}`, name: `mine-${who.length}` };
    await elsewhere(`echo ${MARK} > /c/x`, { mounts: [cache] });
    const { out } = await shell(`ls /c ${store.root} 2>&1; cat /proc/self/mountinfo`);
    expect(out).not.toContain('caches');
    expect(out).toContain('No such file');
    const { out: mine } = await shell('ls /c', {
      mounts: [{ ...CACHE, id: `other-${who.length}`, name: `other-${who.length}` }],
    });
    expect(mine).toBe('');
    expect((await shell('cat /c/x', { mounts: [cache] })).out).toBe(`${MARK}\n`);
  });
});

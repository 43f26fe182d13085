import { existsSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSandbox, type SandboxSettings } from '../../src/sandbox/index.ts';
import type { LayerId } from '../../src/tree/index.ts';
import { baseEntries, request, run, TestStore } from './sandbox-support.ts';

/* How commands are executed: each setting acts, as root and as an ordinary user. */

const IS_ROOT = process.getuid?.() === 0;
let store: TestStore;
let base: LayerId;
beforeAll(() => {
  store = new TestStore();
  base = store.write(baseEntries());
});
afterAll(() => store.remove());

async function shell(settings: SandboxSettings, script: string): Promise<string> {
  await using runtime = openSandbox({ paths: store.paths, layers: store, settings });
  const { out, err } = await run(runtime, request([base], { argv: ['/bin/bash', '-c', script] }));
  return out + err;
}

const CAPABILITIES = 'grep CapEff /proc/self/status';

describe('a setting acts', () => {
  test.for<{ name: string; settings: SandboxSettings; script: string; want: RegExp }>([
    {
      name: 'hosts',
      settings: { hosts: [{ name: 'box', ip: '10.1.2.3' }] },
      script: 'cat /etc/hosts',
      want: /^127\.0\.0\.1\tlocalhost\n[^]*^10\.1\.2\.3\tbox$/m,
    },
    {
      name: 'name servers, search domains and options',
      settings: { dns: ['9.9.9.9'], dnsSearch: ['a.b'], dnsOptions: ['ndots:2'] },
      script: 'cat /etc/resolv.conf',
      want: /^nameserver 9\.9\.9\.9\nsearch a\.b\noptions ndots:2\n$/,
    },
    {
      name: 'limits of processes',
      settings: { ulimits: [{ name: 'nofile', soft: 77, hard: 88 }] },
      script: 'ulimit -Sn; ulimit -Hn',
      want: /^77\n88\n$/,
    },
    {
      name: 'the size of shared memory',
      settings: { shmSize: 1 << 20 },
      script: 'grep /dev/shm /proc/mounts',
      want: /size=1024k/,
    },
    { name: 'no capability', settings: { capDrop: ['ALL'] }, script: CAPABILITIES, want: /\t0{16}\n/ },
    {
      name: 'one capability only',
      settings: { capDrop: ['ALL'], capAdd: ['CHOWN'] },
      script: CAPABILITIES,
      want: /\t0{15}1\n/,
    },
    {
      name: 'a capability more, and the calls that it allows',
      settings: { capAdd: ['SYS_ADMIN'] },
      script: 'mount -t tmpfs none /tmp && echo mounted',
      want: /^mounted\n$/,
    },
    {
      name: 'no new privileges',
      settings: { noNewPrivileges: true },
      script: 'grep NoNewPrivs /proc/self/status',
      want: /\t1\n/,
    },
    {
      name: 'no filter of system calls',
      settings: { seccomp: 'unconfined' },
      script: 'grep Seccomp: /proc/self/status',
      want: /\t0\n/,
    },
    {
      name: 'a filter in the form of docker',
      settings: {
        seccomp: JSON.stringify({
          defaultAction: 'SCMP_ACT_ALLOW',
          archMap: [{ architecture: 'SCMP_ARCH_X86_64' }, { architecture: 'SCMP_ARCH_AARCH64' }],
          syscalls: [
            { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
            { names: ['uname'], action: 'SCMP_ACT_ERRNO', excludes: { caps: ['CAP_CHOWN'] } },
          ],
        }),
      },
      script: 'mkdir /tmp/x; uname -s',
      want: /^Linux\n.*No space left/,
    },
    {
      name: 'nothing masked',
      settings: { unmasked: true },
      script: 'grep -c " /proc/" /proc/self/mountinfo',
      want: /^0\n$/,
    },
    {
      name: 'a device',
      settings: { devices: ['/dev/null:/dev/nothing'] },
      script: 'echo x > /dev/nothing && stat -c %t:%T /dev/nothing',
      want: /^1:3\n$/,
    },
  ])('$name', async ({ settings, script, want }) => {
    expect(await shell(settings, script)).toMatch(want);
  });

  test.for<{ name: string; settings: SandboxSettings; message: string }>([
    { name: 'a device that is not there', settings: { devices: ['/dev/nope'] }, message: 'is no device' },
    { name: 'a file as a device', settings: { devices: ['/etc/passwd'] }, message: 'is no device' },
    { name: 'a CDI device nobody describes', settings: { devices: ['a.b/c=d'] }, message: 'no CDI device' },
    { name: 'a profile that is none', settings: { seccomp: '{}' }, message: 'seccomp profile' },
    {
      name: 'rights for a device that nobody can refuse',
      settings: { devices: ['/dev/null:r'] },
      message: 'gives every right',
    },
  ])('$name is an error', async ({ settings, message }) => {
    await expect(shell(settings, 'true')).rejects.toThrow(message);
  });
});

describe('limits', () => {
  const groups = (): string[] =>
    ['', '/memory', '/cpu', '/unified'].flatMap((name) => {
      const directory = `/sys/fs/cgroup${name}`;
      return existsSync(directory) ? readdirSync(directory).filter((one) => one.startsWith('lapidary-')) : [];
    });

  /** What holds of a limit where this user may set one: it stops a command that wants more. */
  test('of memory stop a command, or are an error where they cannot be set', async () => {
    const before = groups();
    const script =
      'echo $(head -c 200000000 /dev/zero | busybox tr "\\0" x) | busybox wc -c; echo "ended $?"';
    const settings: SandboxSettings = { limits: { memory: 64 << 20, cpus: 0.5 } };
    const outcome = await shell(settings, script).catch((error: Error) => error.message);
    expect(outcome).toMatch(IS_ROOT ? /^(?!200000001)/ : /cannot be enforced/);
    expect(outcome).not.toContain('200000001');
    expect(groups()).toEqual(before);
  });
});

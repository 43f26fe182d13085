import { describe, expect, test } from 'vitest';
import type { SandboxSettings } from '../build/index.ts';
import { buildCommand } from './commands/build.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import { parseArgs } from './parse-args.ts';
import { readSandbox } from './sandbox-flags.ts';
import { fakeIo } from './test-fake-io.ts';

async function read(...argv: readonly string[]): Promise<SandboxSettings> {
  const { flags } = parseArgs(buildCommand, [...buildCommand.options, ...GLOBAL_OPTIONS], [...argv, '.']);
  return (await readSandbox(flags, fakeIo().io)).sandbox;
}

describe('readSandbox', () => {
  test.for<[readonly string[], SandboxSettings]>([
    [[], { isolation: 'auto' }],
    [['--isolation', 'root'], { isolation: 'root' }],
    [['--add-host', 'a:1.2.3.4'], { hosts: [{ name: 'a', ip: '1.2.3.4' }] }],
    [['--add-host', 'a=[::1]'], { hosts: [{ name: 'a', ip: '::1' }] }],
    [['--dns', '9.9.9.9', '--dns-search', 'x.y'], { dns: ['9.9.9.9'], dnsSearch: ['x.y'] }],
    [['--ulimit', 'nofile=5:9'], { ulimits: [{ name: 'nofile', soft: 5, hard: 9 }] }],
    [['--ulimit', 'core=-1'], { ulimits: [{ name: 'core', soft: -1, hard: -1 }] }],
    [['--shm-size', '2g'], { shmSize: 2 ** 31 }],
    [['-m', '512m', '--memory-swap', '1gb'], { limits: { memory: 2 ** 29, memorySwap: 2 ** 30 } }],
    [['--memory', '1.5k', '--memory-swap', '-1'], { limits: { memory: 1536, memorySwap: -1 } }],
    [['--cpus', '1.5', '-c', '512'], { limits: { cpus: 1.5, cpuShares: 512 } }],
    [['--cpuset-cpus', '0-2,4'], { limits: { cpusetCpus: '0-2,4' } }],
    [['--cap-add', 'cap_sys_admin,NET_RAW'], { capAdd: ['SYS_ADMIN', 'NET_RAW'] }],
    [['--cap-drop', 'all'], { capDrop: ['ALL'] }],
    [['--security-opt', 'no-new-privileges'], { noNewPrivileges: true }],
    [['--security-opt', 'no-new-privileges:false'], { noNewPrivileges: false }],
    [['--security-opt', 'seccomp=unconfined'], { seccomp: 'unconfined' }],
    [['--security-opt', 'systempaths=unconfined'], { unmasked: true }],
    [['--device', '/dev/fuse', '--device', 'a.b/c=d'], { devices: ['/dev/fuse', 'a.b/c=d'] }],
    [['--cgroup-parent', '/x'], { cgroupParent: '/x' }],
  ])('%j', async ([argv, want]) => {
    expect(await read(...argv)).toMatchObject(want);
  });

  test.for<[readonly string[], string]>([
    [['--isolation', 'rootless'], '--isolation cannot be "rootless"'],
    [['--add-host', 'a'], '--add-host is not understood'],
    [['--add-host', 'a:b'], '--add-host is not understood'],
    [['--add-host', 'a:host-gateway'], 'no way to this machine'],
    [['--dns', 'localhost'], '--dns is not understood'],
    [['--dns-search', 'a\nb'], '--dns-search is not understood'],
    [['--ulimit', 'files=5'], '--ulimit is not understood'],
    [['--ulimit', 'nofile=9:5'], '--ulimit is not understood'],
    [['--shm-size', '0'], '--shm-size is not understood'],
    [['--memory', 'lots'], '--memory is not understood'],
    [['--memory-swap', '1g'], '--memory-swap is not understood'],
    [['--memory', '2g', '--memory-swap', '1g'], '--memory-swap is not understood'],
    [['--cpus', '0'], '--cpus is not understood'],
    [['--cpuset-cpus', 'all'], '--cpuset-cpus is not understood'],
    [['--cap-add', 'SYS_ADMN'], '--cap-add is not understood'],
    [['--security-opt', 'seccomp=/nowhere'], 'cannot be read'],
    [['--security-opt', 'label=disable'], 'no SELinux labels'],
    [['--security-opt', 'nonsense'], '--security-opt is not understood'],
  ])('%j is an error', async ([argv, message]) => {
    await expect(read(...argv)).rejects.toThrow(message);
  });
});

import { describe, expect, test } from 'vitest';
import { type ContainerRequest, NEW_NETWORK, runtimeSpec } from './oci-spec.ts';

const request: ContainerRequest = {
  root: '/r',
  argv: ['/bin/sh'],
  env: ['A=b'],
  cwd: '/w',
  user: { uid: 1, gid: 2, groups: [3] },
  hostname: 'h',
  terminal: false,
  mounts: [{ destination: '/etc/hosts', type: 'bind', source: '/x', options: ['bind'] }],
  maxOpenFiles: 4096,
  arch: 'x64',
};

describe('runtimeSpec', () => {
  test('has the process as it was asked for', () => {
    expect(runtimeSpec(request).process).toMatchObject({
      terminal: false,
      user: { uid: 1, gid: 2, additionalGids: [3], umask: 0o022 },
      args: ['/bin/sh'],
      env: ['A=b'],
      cwd: '/w',
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 4096 }],
    });
  });

  test('never asks for more open files than there may be', () => {
    const { rlimits } = runtimeSpec({ ...request, maxOpenFiles: 256 }).process;
    expect(rlimits).toEqual([{ type: 'RLIMIT_NOFILE', soft: 256, hard: 256 }]);
  });

  test.for([
    { name: 'that of the machine', network: {}, want: [] },
    { name: 'a new one', network: { networkNamespace: NEW_NETWORK }, want: [{ type: 'network' }] },
    {
      name: 'one that is there',
      network: { networkNamespace: '/proc/7/ns/net' },
      want: [{ type: 'network', path: '/proc/7/ns/net' }],
    },
  ])('network: $name', ({ network, want }) => {
    const { namespaces } = runtimeSpec({ ...request, ...network }).linux;
    expect(namespaces).toEqual([...['mount', 'pid', 'ipc', 'uts'].map((type) => ({ type })), ...want]);
  });

  test('in a user namespace the /sys of a network that is not its own is bound', () => {
    const sys = (more: Partial<ContainerRequest>): string | undefined =>
      runtimeSpec({ ...request, inNamespace: true, ...more }).mounts.find(
        ({ destination }) => destination === '/sys',
      )?.type;
    expect(sys({})).toBe('none');
    expect(sys({ networkNamespace: NEW_NETWORK })).toBe('sysfs');
  });

  test('mounts the system first, and /sys for reading only', () => {
    const { mounts } = runtimeSpec(request);
    expect(mounts.map(({ destination }) => destination)).toEqual([
      '/proc',
      '/dev',
      '/dev/pts',
      '/dev/shm',
      '/dev/mqueue',
      '/sys',
      ...['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`),
      '/etc/hosts',
    ]);
    expect(mounts.find(({ destination }) => destination === '/sys')?.options).toContain('ro');
  });

  test('gives no capability that Docker does not give', () => {
    const { capabilities } = runtimeSpec(request).process as { capabilities: Record<string, string[]> };
    expect(Object.keys(capabilities).sort()).toEqual(['bounding', 'effective', 'permitted']);
    expect(capabilities['bounding']).not.toContain('CAP_SYS_ADMIN');
  });

  test('an insecure process has every capability of this one, all system calls, and nothing is masked', () => {
    const { process: own, linux, mounts } = runtimeSpec({ ...request, insecure: true });
    const { bounding, ambient } = own['capabilities'] as Record<string, readonly string[]>;
    expect(ambient).toEqual(bounding);
    expect(linux).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
    expect(linux.seccomp).toBeUndefined();
    expect(linux.devices?.map(({ path }) => path)).toContain('/dev/fuse');
    expect(mounts.find(({ destination }) => destination === '/sys')?.options).not.toContain('ro');
  });
});

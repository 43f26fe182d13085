import { describe, expect, test } from 'vitest';
import { CAPABILITIES } from './capabilities.ts';
import { type SyscallRule, seccompProfile } from './seccomp.ts';

function rulesFor(name: string, capabilities: readonly string[], arch = 'x64'): SyscallRule[] {
  return (seccompProfile(capabilities, arch)?.syscalls ?? []).filter(({ names }) => names.includes(name));
}

function verdict(name: string, capabilities = CAPABILITIES, arch = 'x64'): string {
  const rules = rulesFor(name, capabilities, arch);
  return rules
    .map(({ action, errnoRet, args }) => `${action.slice(9)}${errnoRet ?? ''}${args ? '?' : ''}`)
    .join();
}

describe('seccompProfile', () => {
  test.for([
    { name: 'reading is allowed', call: 'read', want: 'ALLOW' },
    { name: 'new calls that C libraries fall back from are allowed too', call: 'fchmodat2', want: 'ALLOW' },
    { name: 'debuggers work', call: 'ptrace', want: 'ALLOW' },
    { name: 'chroot comes with its capability', call: 'chroot', want: 'ALLOW' },
    { name: 'mount is refused', call: 'mount', want: 'ERRNO1' },
    { name: 'new namespaces are refused', call: 'unshare', want: 'ERRNO1' },
    { name: 'keys of the host are refused', call: 'keyctl', want: 'ERRNO1' },
    { name: 'io_uring is refused', call: 'io_uring_setup', want: 'ERRNO1' },
    { name: 'clone is checked, clone3 looks missing', call: 'clone3', want: 'ERRNO38' },
    { name: 'clone may make threads and processes', call: 'clone', want: 'ALLOW?' },
    { name: 'architecture-dependent calls', call: 'arch_prctl', want: 'ALLOW' },
    { name: 'what the profile does not know has no rule', call: 'future_call', want: '' },
  ])('$name', ({ call, want }) => {
    expect(verdict(call)).toBe(want);
  });

  test('a capability opens its calls, and clone with them', () => {
    const more = [...CAPABILITIES, 'CAP_SYS_ADMIN', 'CAP_SYS_PTRACE'];
    expect(['mount', 'unshare', 'kcmp', 'clone', 'clone3'].map((call) => verdict(call, more))).toEqual(
      Array(5).fill('ALLOW'),
    );
  });

  test('no call is both allowed and refused without a condition', () => {
    const rules =
      seccompProfile(CAPABILITIES, 'x64')?.syscalls.filter(({ args }) => args === undefined) ?? [];
    const names = rules.flatMap(({ names }) => names);
    expect(names.length).toBe(new Set(names).size);
    expect(names.every((name) => /^_?[a-z0-9_]+$/.test(name))).toBe(true);
  });

  test('sockets: local and internet families, no crypto and no virtual machine sockets', () => {
    const families = rulesFor('socket', CAPABILITIES).flatMap(({ action, args }) =>
      (args ?? []).map(({ op, value }) => `${action.slice(9)} ${op.slice(9)} ${value}`),
    );
    expect(families).toEqual(
      expect.arrayContaining(['ALLOW LT 12', 'ALLOW EQ 16', 'ERRNO EQ 38', 'ERRNO EQ 40']),
    );
    expect(new Set(families).size).toBe(families.length);
  });

  test.for([
    { arch: 'arm64', call: 'arch_prctl', want: '' },
    { arch: 'arm64', call: 'cacheflush', want: 'ALLOW' },
    { arch: 's390x', call: 's390_pci_mmio_read', want: 'ALLOW' },
  ])('$call on $arch', ({ arch, call, want }) => {
    expect(verdict(call, CAPABILITIES, arch)).toBe(want);
  });

  test('an architecture without a filter has no profile', () => {
    expect(seccompProfile(CAPABILITIES, 'mips')).toBeUndefined();
  });
});

import koffi from 'koffi';

/**
 * Takes every privilege away from this process, for good: becomes the user nobody and installs a seccomp filter that
 * kills the process (SIGSYS) on any system call that mounts, unshares, joins or makes a namespace, changes the root,
 * or executes another program. Whatever finishes after this needed none of them.
 * Sources: seccomp(2), linux/filter.h, linux/audit.h (x86_64 and aarch64 numbers).
 */
export function forbidPrivilege(): void {
  const libc = koffi.load('libc.so.6');
  const prctl = libc.func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  const syscall = libc.func('long syscall(long, unsigned int, unsigned int, void *)');
  const filter = program();
  const header = Buffer.alloc(16);
  header.writeUInt16LE(filter.length / 8, 0);
  header.writeBigUInt64LE(koffi.address(filter), 8);
  const { nobody } = { nobody: 65_534 };
  if (process.getuid?.() === 0) {
    process.setgroups?.([nobody]);
    process.setgid?.(nobody);
    process.setuid?.(nobody);
  }
  const [noNewPrivileges, filterMode, syncThreads] = [38, 1, 1];
  if (prctl(noNewPrivileges, 1, 0, 0, 0) !== 0) throw new Error('PR_SET_NO_NEW_PRIVS failed');
  if (syscall(NUMBERS.seccomp, filterMode, syncThreads, header) !== 0) throw new Error('seccomp failed');
}

type Numbers = Readonly<
  Record<'seccomp' | 'clone' | 'clone3' | 'audit', number> & { readonly forbidden: readonly number[] }
>;

const NUMBERS: Numbers =
  process.arch === 'x64'
    ? {
        audit: 0xc000003e,
        seccomp: 317,
        clone: 56,
        clone3: 435,
        // execve execveat mount umount2 unshare setns pivot_root chroot fork vfork fsopen fsmount move_mount open_tree
        forbidden: [59, 322, 165, 166, 272, 308, 155, 161, 57, 58, 430, 432, 429, 428],
      }
    : {
        audit: 0xc00000b7,
        seccomp: 277,
        clone: 220,
        clone3: 435,
        forbidden: [221, 281, 40, 39, 97, 268, 41, 51, 430, 432, 429, 428],
      };

/** A classic BPF program over `struct seccomp_data` (nr at 0, arch at 4, the low word of args[0] at 16). */
function program(): Buffer {
  const LOAD = 0x20;
  const EQUAL = 0x15;
  const SET = 0x45;
  const RETURN = 0x06;
  const [KILL, ALLOW, ENOSYS] = [0x80000000, 0x7fff0000, 0x00050000 | 38];
  // CLONE_NEWNS … CLONE_NEWNET; CLONE_THREAD must be set: a new thread is fine, a new process is not
  const newNamespace = 0x7e020000;
  const thread = 0x00010000;
  const lines: [number, number, number, number][] = [
    [LOAD, 0, 0, 4],
    [EQUAL, 1, 0, NUMBERS.audit],
    [RETURN, 0, 0, KILL],
    [LOAD, 0, 0, 0],
    ...NUMBERS.forbidden.flatMap((nr): [number, number, number, number][] => [
      [EQUAL, 0, 1, nr],
      [RETURN, 0, 0, KILL],
    ]),
    // The flags of clone3 are behind a pointer: refused, so that the C library falls back to clone
    [EQUAL, 0, 1, NUMBERS.clone3],
    [RETURN, 0, 0, ENOSYS],
    [EQUAL, 0, 4, NUMBERS.clone],
    [LOAD, 0, 0, 16],
    [SET, 1, 0, newNamespace],
    [SET, 1, 0, thread],
    [RETURN, 0, 0, KILL],
    [RETURN, 0, 0, ALLOW],
  ];
  const bytes = Buffer.alloc(lines.length * 8);
  for (const [i, [code, yes, no, value]] of lines.entries()) {
    bytes.writeUInt16LE(code, i * 8);
    bytes.writeUInt8(yes, i * 8 + 2);
    bytes.writeUInt8(no, i * 8 + 3);
    bytes.writeUInt32LE(value >>> 0, i * 8 + 4);
  }
  return bytes;
}

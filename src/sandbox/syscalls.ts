import { constants } from 'node:os';
import {
  cString,
  type ForeignFunction,
  type ForeignLibrary,
  type HostPath,
  openForeignLibrary,
  readSized,
  SyscallError,
} from '../host/index.ts';
import { decodePathText } from '../tar/index.ts';
import { FileCalls } from './file-calls.ts';
import { hostPath } from './host-path.ts';
import { type IdMaps, inUserNamespace, sameMaps } from './id-maps.ts';
import type { TreeAttributes } from './tree-form.ts';

/** umount2(2), MNT_DETACH. */
const MNT_DETACH = 2;
const AT_FDCWD = -100;
const PR_SET_PDEATHSIG = 1;
/** MS_NODEV of mount(2), and MOUNT_ATTR_NODEV of fsmount(2). */
const NODEV = 4;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** Numbers of system calls younger than Linux 5.1 are the same on every architecture that Node runs on. */
const SYS = { move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, openat2: 437 } as const;
const FSCONFIG = { flag: 0, string: 1, create: 6 } as const;
const LOCK = { shared: 1, exclusive: 2, nonBlocking: 4 } as const;
const MOVE_MOUNT_F_EMPTY_PATH = 4;
const CLOEXEC = { open: 0o2000000, fsopen: 1, fsmount: 1 } as const;
/** openat2(2): no way out of the directory, no symbolic link anywhere on the way. */
const RESOLVE_BENEATH_NO_LINKS = 0x08 | 0x04 | 0x02;

/** The errno name of anything thrown by `node:fs` or by this door; `undefined` for other errors. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The system calls that Node does not have. All are synchronous and throw `SyscallError`. */
export class Syscalls {
  readonly #library: ForeignLibrary;
  readonly #functions = new Map<string, ForeignFunction>();

  /** Which extended attributes overlayfs is told to use. */
  readonly attributes: TreeAttributes;
  /** Whether root of this process is an ordinary user of the machine. */
  readonly inNamespace: boolean;
  readonly #maps: IdMaps;

  private constructor(library: ForeignLibrary, attributes: TreeAttributes) {
    this.#library = library;
    this.#maps = sameMaps();
    this.inNamespace = inUserNamespace();
    this.attributes = attributes;
  }

  /** @throws LapidaryError SANDBOX_FAILED when koffi cannot be loaded on this machine */
  static async open(attributes: TreeAttributes = 'trusted'): Promise<Syscalls> {
    return new Syscalls(await openForeignLibrary(), attributes);
  }

  /** Whether a group has an ID in the user namespace of this process. */
  hasGroup(gid: number): boolean {
    return this.#maps.gids.some(({ inside, count }) => gid >= inside && gid < inside + count);
  }

  /** What is called for every file of a layer. Each has memory of its own. */
  files(): FileCalls {
    return new FileCalls(this.#library);
  }

  #function(name: string, args: readonly string[], result = 'int'): ForeignFunction {
    const key = `${name}(${args.join()})`;
    let found = this.#functions.get(key);
    if (found === undefined) {
      found = this.#library.call(name, result, args);
      this.#functions.set(key, found);
    }
    return found;
  }

  #check(result: number, syscall: string, subject: HostPath): number {
    if (result < 0) throw new SyscallError(syscall, this.#library.errno(), subject.toString());
    return result;
  }

  /** mount(2) */
  mount(options: {
    readonly source: string;
    readonly target: string;
    readonly type: string;
    readonly data?: string;
    /** Device nodes in it lead nowhere. */
    readonly nodev?: boolean;
  }): void {
    const call = this.#function('mount', ['str', 'str', 'str', 'ulong', 'str']);
    const { source, target, type, data = null, nodev = false } = options;
    this.#check(call(source, target, type, nodev ? NODEV : 0, data), 'mount', target);
  }

  /** umount2(2); `detach` is for a mount that is still in use: it goes when its last user does. */
  unmount(target: string, detach = false): void {
    const call = this.#function('umount2', ['str', 'int']);
    this.#check(call(target, detach ? MNT_DETACH : 0), 'umount2', target);
  }

  /**
   * fsopen(2), fsconfig(2), fsmount(2), move_mount(2): a mount whose options are given one by one, so that
   * nothing limits their number; `null` is the value of a flag. Relative paths in options are resolved against the working directory.
   */
  mountByOptions(
    options: readonly (readonly [string, string | null])[],
    { type, target, nodev }: { readonly type: string; readonly target: string; readonly nodev: boolean },
  ): void {
    const open = this.#function('syscall', ['long', 'str', 'long'], 'long');
    const config = this.#function('syscall', ['long', 'long', 'long', 'str', 'str', 'long'], 'long');
    const mount = this.#function('syscall', ['long', 'long', 'long', 'long'], 'long');
    const move = this.#function('syscall', ['long', 'long', 'str', 'long', 'str', 'long'], 'long');
    const context = this.#check(open(SYS.fsopen, type, CLOEXEC.fsopen), 'fsopen', type);
    let mounted = -1;
    try {
      for (const [key, value] of options) {
        const command = value === null ? FSCONFIG.flag : FSCONFIG.string;
        const result = config(SYS.fsconfig, context, command, key, value, 0);
        this.#check(result, 'fsconfig', `${key}=${value}`);
      }
      this.#check(config(SYS.fsconfig, context, FSCONFIG.create, null, null, 0), 'fsconfig', type);
      mounted = this.#check(mount(SYS.fsmount, context, CLOEXEC.fsmount, nodev ? NODEV : 0), 'fsmount', type);
      const moved = move(SYS.move_mount, mounted, '', AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
      this.#check(moved, 'move_mount', target);
    } finally {
      this.#close(context);
      if (mounted >= 0) this.#close(mounted);
    }
  }

  /** fsopen(2) alone: whether this kernel has the newer way of mounting, and the filesystem. */
  probeFilesystem(type: string): void {
    const open = this.#function('syscall', ['long', 'str', 'long'], 'long');
    this.#close(this.#check(open(SYS.fsopen, type, CLOEXEC.fsopen), 'fsopen', type));
  }

  #close(fd: number): void {
    this.#function('close', ['int'])(fd);
  }

  /**
   * openat2(2), for reading: `path` below the directory `dirFd`, no symbolic link followed anywhere.
   * The caller closes the descriptor. Linux 5.6.
   */
  openBeneath(dirFd: number, path: HostPath): number {
    const how = new BigUint64Array([BigInt(CLOEXEC.open), 0n, BigInt(RESOLVE_BENEATH_NO_LINKS)]);
    const args = ['long', 'long', 'const char *', 'const void *', 'long'];
    const call = this.#function('syscall', args, 'long');
    return this.#check(call(SYS.openat2, dirFd, cString(path), how, how.byteLength), 'openat2', path);
  }

  /** lsetxattr(2) */
  setXattr(path: HostPath, name: string, value: Uint8Array): void {
    const call = this.#function('lsetxattr', [
      'const char *',
      'const char *',
      'const void *',
      'size_t',
      'int',
    ]);
    this.#check(call(cString(path), cString(hostPath(name)), value, value.byteLength, 0), 'lsetxattr', path);
  }

  /** lremovexattr(2) */
  removeXattr(path: HostPath, name: string): void {
    const call = this.#function('lremovexattr', ['const char *', 'const char *']);
    this.#check(call(cString(path), cString(hostPath(name))), 'lremovexattr', path);
  }

  /** lgetxattr(2); `undefined` when there is no such attribute. */
  getXattr(path: HostPath, name: string): Uint8Array | undefined {
    const call = this.#function('lgetxattr', ['const char *', 'const char *', 'void *', 'size_t'], 'long');
    const key = cString(hostPath(name));
    const read = (buffer: Uint8Array): number => call(cString(path), key, buffer, buffer.byteLength);
    return readSized({ library: this.#library, syscall: 'lgetxattr', subject: path }, read);
  }

  /** llistxattr(2), names as path text; empty where the filesystem has no attributes. */
  listXattrs(path: HostPath): string[] {
    const call = this.#function('llistxattr', ['const char *', 'void *', 'size_t'], 'long');
    const read = (buffer: Uint8Array): number => call(cString(path), buffer, buffer.byteLength);
    const list = readSized({ library: this.#library, syscall: 'llistxattr', subject: path }, read);
    return list === undefined ? [] : decodePathText(list).split('\0').slice(0, -1);
  }

  /** mknod(2); `mode` holds the type and the permissions. */
  makeNode(path: HostPath, mode: number, device: { readonly major: number; readonly minor: number }): void {
    const { major, minor } = device;
    const call = this.#function('mknod', ['const char *', 'uint32_t', 'uint64_t']);
    const high = ((BigInt(major) & 0xfffff000n) << 32n) | ((BigInt(minor) & 0xffffff00n) << 12n);
    const number = high | ((BigInt(major) & 0xfffn) << 8n) | (BigInt(minor) & 0xffn);
    this.#check(call(cString(path), mode, number), 'mknod', path);
  }

  /** utimensat(2), to the nanosecond, of the inode at `path` itself; access and modification time alike. */
  setTimes(path: HostPath, seconds: number, nanoseconds: number): void {
    const call = this.#function('utimensat', ['int', 'const char *', 'const void *', 'int']);
    const [s, ns] = [BigInt(seconds), BigInt(nanoseconds)];
    const times = new BigInt64Array([s, ns, s, ns]);
    this.#check(call(AT_FDCWD, cString(path), times, AT_SYMLINK_NOFOLLOW), 'utimensat', path);
  }

  /** pipe2(2), O_CLOEXEC: a real pipe, which a program can open again as /dev/stdout. */
  pipe(): { readonly read: number; readonly write: number } {
    const fds = new Int32Array(2);
    const call = this.#function('pipe2', ['void *', 'int']);
    this.#check(call(fds, CLOEXEC.open), 'pipe2', '');
    return { read: fds[0] ?? -1, write: fds[1] ?? -1 };
  }

  /** flock(2), without waiting; false when somebody has the lock. It goes when the last descriptor of the file is closed. */
  lockFile(fd: number, kind: 'shared' | 'exclusive'): boolean {
    const result = this.#function('flock', ['int', 'int'])(fd, LOCK[kind] | LOCK.nonBlocking);
    if (result === 0) return true;
    const code = this.#library.errno();
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return false;
    throw new SyscallError('flock', code, String(fd));
  }

  /** prctl(2), PR_SET_PDEATHSIG: this process is killed when the one that started it ends. */
  dieWithParent(): void {
    const call = this.#function('prctl', ['int', 'ulong', 'ulong', 'ulong', 'ulong']);
    this.#check(call(PR_SET_PDEATHSIG, constants.signals.SIGKILL, 0, 0, 0), 'prctl', 'PR_SET_PDEATHSIG');
  }

  /** waitpid(2): waits for the end of a child that was inherited and has been killed. */
  reap(pid: number): void {
    this.#function('waitpid', ['int', 'void *', 'int'])(pid, null, 0);
  }
}

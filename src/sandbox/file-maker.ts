import { closeSync, constants, fchmodSync, fchownSync, mkdirSync, openSync } from 'node:fs';
import type { FileCalls } from './file-calls.ts';
import { below, hostPath } from './host-path.ts';
import { setImageXattrs } from './inode.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';
import type { FileOwner, OpMaker } from './unpack-ops.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Makes files and the directories they are in, with mode 0700 and no owner. Needs root and a umask of 0. Disposing closes what is
 * open.
 */
export class FileMaker implements OpMaker, Disposable {
  readonly #syscalls: Syscalls;
  readonly #calls: FileCalls;
  readonly #target: string;
  #root = -1;
  #open: { readonly fd: number; readonly owner: FileOwner } | undefined;
  /** The path at work, for errors. */
  at = '';

  /** `target` is a directory where nobody writes but the makers of one layer; it has to be there when the first thing is made. */
  constructor(syscalls: Syscalls, target: string) {
    this.#syscalls = syscalls;
    this.#calls = syscalls.files();
    this.#target = target;
  }

  /** What ranges refer to. */
  set contents(bytes: Uint8Array) {
    this.#calls.contents = bytes;
  }

  /** Another maker may have made it before. Nothing else can be there: links come last. */
  directory(path: string): void {
    this.at = path;
    try {
      mkdirSync(hostPath(below(this.#target, path)), 0o700);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }

  open(path: string, owner: FileOwner): void {
    this.at = path;
    if (this.#root < 0) this.#root = openSync(this.#target, DIRECTORY);
    this.#open = { fd: this.#calls.create(this.#root, path, owner.mode & 0o777), owner };
  }

  write(start: number, length: number): void {
    if (this.#open === undefined) throw new Error('contents of no file');
    this.#calls.write(this.#open.fd, start, length);
  }

  close(): void {
    if (this.#open === undefined) throw new Error('the end of no file');
    const { fd, owner } = this.#open;
    if (owner.uid !== 0 || owner.gid !== 0) fchownSync(fd, owner.uid, owner.gid);
    // Writing and changing the owner both clear these bits.
    if (owner.mode > 0o777) fchmodSync(fd, owner.mode);
    if (owner.xattrs !== undefined)
      setImageXattrs(this.#syscalls, hostPath(below(this.#target, this.at)), owner.xattrs);
    this.#calls.setTimes(fd, owner.mtime, owner.mtimeNs);
    this.#open = undefined;
    this.#calls.close(fd);
  }

  [Symbol.dispose](): void {
    for (const fd of [this.#open?.fd, this.#root < 0 ? undefined : this.#root])
      if (fd !== undefined) closeSync(fd);
    this.#open = undefined;
    this.#root = -1;
  }
}

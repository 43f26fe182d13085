import { closeSync, constants, fchmodSync, fchownSync, mkdirSync, openSync, writeSync } from 'node:fs';
import type { HostPath } from '../host/index.ts';
import { below, hostPath } from './host-path.ts';
import { setImageXattrs } from './inode.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';
import type { FileOwner, OpMaker } from './unpack-ops.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Makes files and the directories they are in, with mode 0700 and no owner. Needs root and a umask of 0. Disposing closes what an error has left open. */
export class FileMaker implements OpMaker, Disposable {
  readonly #syscalls: Syscalls;
  readonly #target: string;
  #open: { readonly fd: number; readonly host: HostPath; readonly owner: FileOwner } | undefined;
  /** What ranges refer to. */
  contents: Uint8Array = new Uint8Array();
  /** The path at work, for errors. */
  at = '';

  /** `target` is a directory where nobody writes but the makers of one layer. */
  constructor(syscalls: Syscalls, target: string) {
    this.#syscalls = syscalls;
    this.#target = target;
  }

  /** Another maker may have made it before. Nothing else can be there: links come last. */
  directory(path: string): void {
    try {
      mkdirSync(this.#host(path), 0o700);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }

  open(path: string, owner: FileOwner): void {
    const host = this.#host(path);
    this.#open = { fd: openSync(host, NEW_FILE, owner.mode & 0o777), host, owner };
  }

  write(start: number, length: number): void {
    if (this.#open === undefined) throw new Error('contents of no file');
    for (let done = 0; done < length; )
      done += writeSync(this.#open.fd, this.contents, start + done, length - done);
  }

  close(): void {
    if (this.#open === undefined) throw new Error('the end of no file');
    const { fd, host, owner } = this.#open;
    if (owner.uid !== 0 || owner.gid !== 0) fchownSync(fd, owner.uid, owner.gid);
    // Writing and changing the owner both clear these bits.
    if (owner.mode > 0o777) fchmodSync(fd, owner.mode);
    setImageXattrs(this.#syscalls, host, owner.xattrs);
    this.#syscalls.setFileTimes(fd, owner.mtime, owner.mtimeNs);
    this[Symbol.dispose]();
  }

  #host(path: string): HostPath {
    this.at = path;
    return hostPath(below(this.#target, path));
  }

  [Symbol.dispose](): void {
    if (this.#open !== undefined) closeSync(this.#open.fd);
    this.#open = undefined;
  }
}

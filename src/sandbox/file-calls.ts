import { constants } from 'node:fs';
import { type ForeignFunction, type ForeignLibrary, SyscallError } from '../host/index.ts';
import { encodePathText } from '../tar/index.ts';

/** limits.h, with the NUL. */
const PATH_MAX = 4096;
/** O_CLOEXEC, which Node does not name. */
const CLOEXEC = 0o2000000;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW | CLOEXEC;

/**
 * The system calls that are made for every file of a layer, with addresses in the place of strings and buffers: what Node does
 * around them, and around other foreign functions, takes as long as a third of them. All throw `SyscallError`.
 */
export class FileCalls {
  readonly #library: ForeignLibrary;
  readonly #openat: ForeignFunction;
  readonly #write: ForeignFunction;
  readonly #futimens: ForeignFunction;
  readonly #close: ForeignFunction;
  /** What stands here never moves: `Buffer.alloc` takes no part of a common one. */
  readonly #path = Buffer.alloc(PATH_MAX);
  readonly #pathAddress: number;
  readonly #times = new BigInt64Array(4);
  readonly #timesAddress: number;
  #contents: Uint8Array = new Uint8Array();
  #contentsAddress = 0;

  constructor(library: ForeignLibrary) {
    this.#library = library;
    this.#openat = library.call('openat', 'int', ['int', 'uintptr_t', 'int', 'uint32_t']);
    this.#write = library.call('write', 'long', ['int', 'uintptr_t', 'size_t']);
    this.#futimens = library.call('futimens', 'int', ['int', 'uintptr_t']);
    this.#close = library.call('close', 'int', ['int']);
    this.#pathAddress = library.addressOf(this.#path);
    this.#timesAddress = library.addressOf(this.#times);
  }

  /** What the ranges of `write` are about. Memory of its own, which stays where it is. */
  set contents(bytes: Uint8Array) {
    this.#contents = bytes;
    this.#contentsAddress = this.#library.addressOf(bytes);
  }

  /** openat(2) of a file that does not exist, for writing: `path` is a path text below the open directory. */
  create(directory: number, path: string, mode: number): number {
    this.#place(path);
    return this.#check(this.#openat(directory, this.#pathAddress, NEW_FILE, mode), 'open', path);
  }

  #place(path: string): void {
    // So short that it fits whatever it holds
    if (path.length < PATH_MAX / 3 && path.isWellFormed()) {
      this.#path[this.#path.write(path)] = 0;
      return;
    }
    const bytes = encodePathText(path);
    if (bytes.length >= PATH_MAX) throw new SyscallError('open', 'ENAMETOOLONG', path);
    this.#path.set(bytes);
    this.#path[bytes.length] = 0;
  }

  /** write(2) of a range of `contents`, all of it. @throws RangeError when it is none */
  write(fd: number, start: number, length: number): void {
    // Asked so that what is no number is none either
    if (!(start >= 0 && length >= 0 && start + length <= this.#contents.length))
      throw new RangeError('what is to be written is outside of the contents');
    for (let done = 0; done < length; ) {
      const written = this.#write(fd, this.#contentsAddress + start + done, length - done);
      if (written >= 0) done += written;
      else if (this.#library.errno() !== 'EINTR') this.#check(written, 'write', String(fd));
    }
  }

  /** futimens(3), to the nanosecond; access and modification time alike. */
  setTimes(fd: number, seconds: number, nanoseconds: number): void {
    const [s, ns] = [BigInt(seconds), BigInt(nanoseconds)];
    if (this.#times[0] !== s || this.#times[1] !== ns) this.#times.set([s, ns, s, ns]);
    this.#check(this.#futimens(fd, this.#timesAddress), 'futimens', String(fd));
  }

  /** close(2) */
  close(fd: number): void {
    this.#check(this.#close(fd), 'close', String(fd));
  }

  #check(result: number, syscall: string, subject: string): number {
    if (result < 0) throw new SyscallError(syscall, this.#library.errno(), subject);
    return result;
  }
}

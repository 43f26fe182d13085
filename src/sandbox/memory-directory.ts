import { closeSync, mkdirSync, openSync } from 'node:fs';
import type { Syscalls } from './syscalls.ts';

/**
 * A directory whose files are in memory and are never written to a disk, not even as swap: ramfs. It is mounted in this
 * process's own namespace, so nobody outside sees it, and it is gone with this process at the latest.
 */
export class MemoryDirectory implements Disposable {
  readonly path: string;
  /** The same directory by a name that is short enough for the address of a socket. */
  readonly shortPath: string;
  readonly #syscalls: Syscalls;
  readonly #fd: number;

  /** `path` does not exist yet. */
  constructor(syscalls: Syscalls, path: string) {
    mkdirSync(path, 0o700);
    syscalls.mount({ source: 'ramfs', target: path, type: 'ramfs', data: 'mode=700' });
    this.#syscalls = syscalls;
    this.#fd = openSync(path, 'r');
    this.path = path;
    this.shortPath = `/proc/self/fd/${this.#fd}`;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
    this.#syscalls.unmount(this.path, true);
  }
}

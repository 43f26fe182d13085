import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The standard output of a program that ends well; else an error with what it said. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  return (await execute(program, args, { maxBuffer: 2 ** 26 })).stdout.trim();
}

/** A store of images that nobody else uses, and the program that works on it. */
export class ContainersStore implements AsyncDisposable {
  readonly #program: 'buildah' | 'podman';
  readonly #dir: string;

  private constructor(program: 'buildah' | 'podman', dir: string) {
    this.#program = program;
    this.#dir = dir;
  }

  static async create(program: 'buildah' | 'podman'): Promise<ContainersStore> {
    return new ContainersStore(program, await mkdtemp(join(tmpdir(), `lapidary-${program}-`)));
  }

  run(...args: readonly string[]): Promise<string> {
    const store = ['--root', join(this.#dir, 'root'), '--runroot', join(this.#dir, 'run')];
    // vfs mounts nothing, so that nothing is left mounted.
    return run(this.#program, ...store, '--storage-driver', 'vfs', ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

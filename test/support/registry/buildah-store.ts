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

/** A store of buildah that nobody else uses. */
export class BuildahStore implements AsyncDisposable {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async create(): Promise<BuildahStore> {
    return new BuildahStore(await mkdtemp(join(tmpdir(), 'lapidary-buildah-')));
  }

  run(...args: readonly string[]): Promise<string> {
    const store = ['--root', join(this.#dir, 'root'), '--runroot', join(this.#dir, 'run')];
    // vfs mounts nothing, so that nothing is left mounted.
    return run('buildah', ...store, '--storage-driver', 'vfs', ...args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

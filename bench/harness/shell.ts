import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Output } from './types.ts';

export const ROOT: string = join(import.meta.dirname, '../..');
/** Everything the benchmarks make: inputs, which are kept, stores and outputs, which are not. */
export const BENCH: string = join(ROOT, '.lapidary-bench');
export const INPUTS: string = join(BENCH, 'inputs');
/** Where a filesystem of their own is mounted for what runs write. */
export const DISK: string = join(BENCH, 'disk');
export const WORK: string = join(DISK, 'work');

/** Runs to the end; throws with the end of standard error unless the exit code is 0. */
export function sh(command: readonly string[], options: { readonly cwd?: string } = {}): Output {
  const [program = '', ...args] = command;
  const child = spawnSync(program, args, { cwd: options.cwd ?? ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (child.error !== undefined) throw child.error;
  if (child.status !== 0) {
    throw new Error(`exit code ${child.status}: ${command.join(' ')}\n${child.stderr.slice(-2000)}`);
  }
  return { stdout: child.stdout, stderr: child.stderr };
}

/** Whether the program can be started and ends well. */
export function works(command: readonly string[]): boolean {
  const [program = '', ...args] = command;
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** Words of a shell command, each quoted as far as needed. */
export function shellWords(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

export function fresh(directory: string): string {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** Runs `make` once: what it made is complete when the marker beside it exists. Returns the path. */
export function cached(path: string, make: (path: string) => void): string {
  const marker = `${path}.complete`;
  if (existsSync(marker)) return path;
  rmSync(path, { recursive: true, force: true });
  mkdirSync(join(path, '..'), { recursive: true });
  make(path);
  sh(['touch', marker]);
  return path;
}

export function assert(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Error(message());
}

import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { LapidaryError } from '../errors/index.ts';
import type { RuntimeProgram } from './protocol.ts';

/** Where programs are looked for when the caller does not say: root's usual PATH. */
export const DEFAULT_SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const PT_INTERP = 3;

/** Absolute path of the first executable file of that name; directories that are not absolute are passed over. */
export function findProgram(name: string, searchPath: string): string | undefined {
  for (const directory of searchPath.split(':')) {
    if (!directory.startsWith('/')) continue;
    const path = `${directory}/${name}`;
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not in this directory: the next one may have it.
    }
  }
  return undefined;
}

/** @throws LapidaryError RUNTIME_MISSING */
export function requireProgram(
  name: string,
  { searchPath, hint }: { readonly searchPath: string; readonly hint: string },
): string {
  const path = findProgram(name, searchPath);
  if (path !== undefined) return path;
  throw new LapidaryError('RUNTIME_MISSING', `the program ${name} is not installed`, { hint });
}

/** crun where it is installed, else runc. */
export function findRuntime(searchPath: string): RuntimeProgram | undefined {
  for (const name of ['crun', 'runc'] as const) {
    const path = findProgram(name, searchPath);
    if (path !== undefined) return { name, path };
  }
  return undefined;
}

/** @throws LapidaryError RUNTIME_MISSING */
export function requireRuntime(searchPath: string): RuntimeProgram {
  const runtime = findRuntime(searchPath);
  if (runtime !== undefined) return runtime;
  throw new LapidaryError(
    'RUNTIME_MISSING',
    'RUN needs an OCI runtime, and neither crun nor runc is installed',
    {
      hint: 'install one: apt-get install crun',
    },
  );
}

/**
 * A small init program of this machine that works in any image: it must not need a dynamic loader.
 * @throws LapidaryError RUNTIME_MISSING
 */
export function requireInit(searchPath: string): string {
  for (const name of ['docker-init', 'catatonit', 'tini-static', 'tini']) {
    const path = findProgram(name, searchPath);
    if (path !== undefined && isStatic(path)) return path;
  }
  throw new LapidaryError('RUNTIME_MISSING', '--init needs a static init program, and none is installed', {
    hint: 'install one: apt-get install catatonit',
  });
}

/** Whether a file is a 64-bit little-endian ELF program without an interpreter. Source: elf(5). */
export function isStatic(path: string): boolean {
  const head = Buffer.alloc(4096);
  const fd = openSync(path, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  if (head.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return false;
  const [start, size, count] = [
    Number(head.readBigUInt64LE(32)),
    head.readUInt16LE(54),
    head.readUInt16LE(56),
  ];
  if (size < 56 || start + size * count > head.length) return false;
  for (let index = 0; index < count; index++) {
    if (head.readUInt32LE(start + index * size) === PT_INTERP) return false;
  }
  return true;
}

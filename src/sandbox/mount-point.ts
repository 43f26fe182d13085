import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import { below, hostPath, parentOf } from './host-path.ts';
import { type Found, readFound, readTarget, tryStat } from './inode.ts';
import type { LowerView } from './lower-view.ts';
import type { Syscalls } from './syscalls.ts';

const MAX_LINKS = 255;

/** Where something is to be mounted in a root: every link followed, inside of the root. Relative, clean. */
export type MountPoint = {
  readonly path: string;
  /** What is there; absent when nothing is. */
  readonly found: Found | undefined;
};

/** @throws LapidaryError MOUNT_FAILED for a way that leads through a file, or in a circle */
export function resolvePoint(view: LowerView, target: string): MountPoint {
  const todo = target.split('/').filter(Boolean).reverse();
  let path = '';
  let links = 0;
  while (todo.length > 0) {
    const name = todo.pop() ?? '';
    if (name === '.' || name === '') continue;
    if (name === '..') {
      path = parentOf(path);
      continue;
    }
    const next = path === '' ? name : `${path}/${name}`;
    const at = view.find(next);
    if (at?.found.kind === 'symlink') {
      links += 1;
      if (links > MAX_LINKS) throw notThere(target, 'too many symbolic links lead there');
      const link = readTarget(at.host);
      if (link.startsWith('/')) path = '';
      todo.push(...link.split('/').reverse());
      continue;
    }
    if (at !== undefined && at.found.kind !== 'dir' && todo.length > 0) {
      throw notThere(target, `${quoted(`/${next}`)} is not a directory`);
    }
    path = next;
  }
  return { path, found: view.find(path)?.found };
}

/** @throws LapidaryError MOUNT_FAILED when a directory is to be mounted on a file, or a file on a directory */
export function checkKind(target: string, { found }: MountPoint, kind: 'dir' | 'file'): void {
  if (found === undefined || (found.kind === 'dir') === (kind === 'dir')) return;
  const [what, there] = kind === 'dir' ? ['a directory', 'a file'] : ['a file', 'a directory'];
  throw notThere(target, `${what} is to be mounted where the image has ${there}`);
}

/** @throws LapidaryError MOUNT_FAILED below /proc or /sys, where mount points cannot be made */
export function checkKernel(target: string, { path }: MountPoint): void {
  const [, top] = /^(proc|sys)\//.exec(path) ?? [];
  if (top === undefined || existsSync(`/${path}`)) return;
  throw notThere(target, `what is in /${top} is up to the kernel`);
}

function notThere(target: string, why: string): LapidaryError {
  return new LapidaryError('MOUNT_FAILED', `nothing can be mounted on ${quoted(target)}: ${why}`, {
    hint: 'choose another target',
  });
}

/** Makes a mount point inside a directory of the host that nobody else changes; follows no link. */
export function makePointIn(directory: string, path: string, kind: 'dir' | 'file'): void {
  const names = path.split('/');
  for (const [i] of names.entries()) {
    const host = below(directory, names.slice(0, i + 1).join('/'));
    const stat = tryStat(host);
    // The runtime follows links inside of the root
    if (stat?.isSymbolicLink()) return;
    if (stat !== undefined) continue;
    if (i === names.length - 1 && kind === 'file') writeFileSync(hostPath(host), '', { mode: 0o644 });
    else mkdirSync(hostPath(host), 0o755);
  }
}

/**
 * Takes mount points that were made for a run out of its change, where nothing became of them: as BuildKit does it,
 * empty directories and empty files go and the times of what they stood in stay.
 */
export function removeUnused(syscalls: Syscalls, upper: string, made: readonly string[]): void {
  for (const path of [...made].sort((a, b) => b.length - a.length)) {
    const host = hostPath(below(upper, path));
    const stat = lstatSync(host, { throwIfNoEntry: false });
    const empty = stat?.isDirectory() ? readdirSync(host).length === 0 : stat?.isFile() && stat.size === 0;
    if (!empty) continue;
    const above = below(upper, parentOf(path));
    const before = readFound(syscalls, above);
    if (statSync(host).isDirectory()) rmdirSync(host);
    else unlinkSync(host);
    if (before !== undefined) syscalls.setTimes(hostPath(above), before.mtime, before.mtimeNs);
  }
}

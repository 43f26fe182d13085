import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Metadata } from '../tree/index.ts';
import { DEFAULT_DIRECTORY } from './inode.ts';
import type { LowerView } from './lower-view.ts';
import type { Syscalls } from './syscalls.ts';

/** Directories the runtime mounts on. */
const DIRECTORIES = ['proc', 'sys', 'dev'] as const;

/** What a run's root lacks to be mounted on: an extra lower layer, and the files of /etc that can be bound. */
type Stubs = {
  /** Absent when the root has everything. */
  readonly directory?: string;
  /** Names in /etc that are regular files of the merged root now. */
  readonly etc: readonly string[];
};

/**
 * Makes the mount points that a root lacks in a directory of their own, so that none of them shows up as a
 * change. A mount point that is there as something else (a symbolic link) is covered. `etc` names the wanted
 * regular files in /etc; none of them can be bound when /etc is no directory.
 */
export function makeStubs(
  syscalls: Syscalls,
  {
    view,
    directory,
    etc,
  }: { readonly view: LowerView; readonly directory: string; readonly etc: readonly string[] },
): Stubs {
  const missing = DIRECTORIES.filter((name) => view.find(name)?.found.kind !== 'dir');
  const above = view.find('etc')?.found;
  const bindable = above === undefined || above.kind === 'dir';
  const wanted = bindable ? etc.filter((name) => view.find(`etc/${name}`)?.found.kind !== 'file') : [];
  if (missing.length === 0 && wanted.length === 0) return { etc: bindable ? etc : [] };
  mkdirSync(directory);
  for (const name of missing) mkdirSync(`${directory}/${name}`, 0o755);
  if (wanted.length > 0) {
    mkdirSync(`${directory}/etc`);
    for (const name of wanted) writeFileSync(`${directory}/etc/${name}`, '', { mode: 0o644 });
    setMetadata(syscalls, `${directory}/etc`, above ?? DEFAULT_DIRECTORY);
  }
  return { directory, etc: bindable ? etc : [] };
}

/** Gives a directory the metadata of another, time last. */
export function setMetadata(syscalls: Syscalls, path: string, metadata: Metadata): void {
  chownSync(path, metadata.uid, metadata.gid);
  chmodSync(path, metadata.mode);
  for (const [name, value] of metadata.xattrs ?? []) syscalls.setXattr(path, name, value);
  syscalls.setTimes(path, metadata.mtime, metadata.mtimeNs);
}

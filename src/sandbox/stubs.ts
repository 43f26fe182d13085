import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import type { Metadata } from '../tree/index.ts';
import { ancestorsOf, below, hostPath } from './host-path.ts';
import { DEFAULT_DIRECTORY, setImageXattrs } from './inode.ts';
import type { LowerView } from './lower-view.ts';
import type { Syscalls } from './syscalls.ts';

/** Directories the runtime mounts on. */
const DIRECTORIES = ['proc', 'sys', 'dev'] as const;

/** A mount point that a root lacks: relative, clean, no links on the way. */
export type MissingPoint = {
  readonly path: string;
  readonly kind: 'dir' | 'file';
  /** Of a directory; default: 0755. Some runtimes give it to what they mount there. */
  readonly mode?: number;
};

/** What a run's root lacks to be mounted on: an extra lower layer, and the files of /etc that can be bound. */
type Stubs = {
  /** Absent when the root has everything. */
  readonly directory?: string;
  /** Names in /etc that are regular files of the merged root now. */
  readonly etc: readonly string[];
  /** What was made for `points` and was not there before, directories on the way too. */
  readonly made: readonly string[];
};

type StubOptions = {
  readonly view: LowerView;
  readonly directory: string;
  readonly etc: readonly string[];
  readonly points: readonly MissingPoint[];
};

/**
 * Makes the mount points that a root lacks in a directory of their own, so that none of them shows up as a
 * change. A mount point of the runtime that is there as something else (a symbolic link) is covered. `etc` names the
 * wanted regular files in /etc; none of them can be bound when /etc is no directory.
 */
export function makeStubs(syscalls: Syscalls, { view, directory, etc, points }: StubOptions): Stubs {
  const missing = DIRECTORIES.filter((name) => view.find(name)?.found.kind !== 'dir');
  const above = view.find('etc')?.found;
  const bindable = above === undefined || above.kind === 'dir';
  const wanted = bindable ? etc.filter((name) => view.find(`etc/${name}`)?.found.kind !== 'file') : [];
  const bound = bindable ? etc : [];
  if (missing.length + wanted.length + points.length === 0) return { etc: bound, made: [] };
  const layer = new StubLayer(syscalls, view, directory);
  for (const path of missing) layer.add({ path, kind: 'dir' });
  for (const name of wanted) layer.add({ path: `etc/${name}`, kind: 'file' });
  const made = points.flatMap((point) => layer.add(point));
  layer.finish();
  return { directory, etc: bound, made };
}

/** Shows every directory that it has to name as the layers below have it. */
class StubLayer {
  readonly #syscalls: Syscalls;
  readonly #view: LowerView;
  readonly #directory: string;
  readonly #metadata = new Map<string, Metadata>();

  constructor(syscalls: Syscalls, view: LowerView, directory: string) {
    this.#syscalls = syscalls;
    this.#view = view;
    this.#directory = directory;
    mkdirSync(directory);
  }

  /** What of it the layers below do not have. */
  add({ path, kind, mode }: MissingPoint): string[] {
    const directories = [...ancestorsOf(path).slice(1), ...(kind === 'dir' ? [path] : [])];
    const added = directories.filter((one) => this.#addDirectory(one));
    if (kind === 'dir') {
      if (mode !== undefined) this.#metadata.set(path, { ...DEFAULT_DIRECTORY, mode });
      return added;
    }
    writeFileSync(hostPath(below(this.#directory, path)), '', { mode: 0o644 });
    return [...added, path];
  }

  #addDirectory(path: string): boolean {
    if (this.#metadata.has(path)) return false;
    mkdirSync(hostPath(below(this.#directory, path)));
    const found = this.#view.find(path)?.found;
    const isThere = found?.kind === 'dir';
    this.#metadata.set(path, isThere ? found : DEFAULT_DIRECTORY);
    return !isThere;
  }

  /** Last: making something in a directory moves its time. */
  finish(): void {
    for (const [path, metadata] of this.#metadata)
      setMetadata(this.#syscalls, below(this.#directory, path), metadata);
  }
}

/** Gives a directory the metadata of another, time last. */
export function setMetadata(syscalls: Syscalls, path: string, metadata: Metadata): void {
  const host = hostPath(path);
  chownSync(host, metadata.uid, metadata.gid);
  chmodSync(host, metadata.mode);
  setImageXattrs(syscalls, host, metadata.xattrs);
  syscalls.setTimes(host, metadata.mtime, metadata.mtimeNs);
}

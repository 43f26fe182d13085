import { below, hostPath, nameOf, parentOf } from './host-path.ts';
import {
  DEFAULT_DIRECTORY,
  type Found,
  foundOf,
  impliedRootXattr,
  kindOf,
  opaqueXattr,
  readFound,
  tryStat,
} from './inode.ts';
import type { Syscalls } from './syscalls.ts';

const OPAQUE = 'y'.charCodeAt(0);

/** Whether a directory in overlay form hides what is below it. */
export function isOpaque(syscalls: Syscalls, path: string): boolean {
  const value = syscalls.getXattr(hostPath(path), opaqueXattr(syscalls));
  return value?.length === 1 && value[0] === OPAQUE;
}

/**
 * What overlayfs would show of a stack of unpacked layers, read without mounting it. Nothing is followed:
 * a path through a symbolic link leads nowhere. Directories are remembered, so the stack must not change.
 */
export class LowerView {
  /** Host directories of the layers, topmost first; those under an opaque root are left out. */
  readonly directories: readonly string[];
  readonly #syscalls: Syscalls;
  /** Merged directory → the host directories that make it up, topmost first. */
  readonly #merged = new Map<string, readonly string[]>();

  /** `directories`: base first, as layers are listed everywhere but in overlayfs. */
  constructor(syscalls: Syscalls, directories: readonly string[]) {
    this.#syscalls = syscalls;
    const topFirst = [...directories].reverse();
    const opaque = topFirst.findIndex((directory) => isOpaque(syscalls, directory));
    this.directories = opaque === -1 ? topFirst : topFirst.slice(0, opaque + 1);
    this.#merged.set('', this.directories);
  }

  /** What stands at a path, relative to the root, `''` for the root itself. */
  find(path: string): { readonly host: string; readonly found: Found } | undefined {
    if (path === '') return this.#root();
    for (const directory of this.#directoriesOf(parentOf(path))) {
      const host = below(directory, nameOf(path));
      const stat = tryStat(host);
      if (stat === undefined) continue;
      return kindOf(stat) === 'whiteout' ? undefined : { host, found: foundOf(this.#syscalls, host, stat) };
    }
    return undefined;
  }

  #root(): { readonly host: string; readonly found: Found } | undefined {
    for (const host of this.directories) {
      const found = readFound(this.#syscalls, host);
      if (found === undefined) continue;
      const implied = this.#syscalls.getXattr(hostPath(host), impliedRootXattr(this.#syscalls));
      if (implied === undefined) return { host, found };
    }
    return undefined;
  }

  /** The root directory as the merged tree has it, with the default where no layer describes it. */
  rootMetadata(): Pick<Found, 'mode' | 'uid' | 'gid' | 'mtime' | 'mtimeNs' | 'xattrs'> {
    return this.#root()?.found ?? DEFAULT_DIRECTORY;
  }

  #directoriesOf(path: string): readonly string[] {
    const known = this.#merged.get(path);
    if (known !== undefined) return known;
    const made = this.#mergeDirectory(path);
    this.#merged.set(path, made);
    return made;
  }

  #mergeDirectory(path: string): readonly string[] {
    const merged: string[] = [];
    for (const directory of this.#directoriesOf(parentOf(path))) {
      const host = below(directory, nameOf(path));
      const stat = tryStat(host);
      if (stat === undefined) continue;
      if (kindOf(stat) !== 'dir') break;
      merged.push(host);
      if (isOpaque(this.#syscalls, host)) break;
    }
    return merged;
  }
}

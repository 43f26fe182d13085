import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
} from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Inode, Metadata } from '../tree/index.ts';
import type { ContentSource, FileItem } from './content-source.ts';
import type { Fill } from './fill.ts';
import { below, hostPath, parentOf } from './host-path.ts';
import { DEFAULT_DIRECTORY, impliedRootXattr, opaqueXattr, setImageXattrs } from './inode.ts';
import { errnoOf, type Syscalls } from './syscalls.ts';
import type { TreePlan } from './tree-plan.ts';

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const NODE_TYPE = { char: constants.S_IFCHR, block: constants.S_IFBLK, fifo: constants.S_IFIFO } as const;
const NO_DEVICE = { major: 0, minor: 0 } as const;

type Rest = { readonly contents: ContentSource; readonly directories: ReadonlySet<string> };

/**
 * Makes an unpacked layer in overlay form: whiteouts as 0/0 character devices, opaque directories by attribute.
 * Needs root and a umask of 0.
 */
export class Unpacker {
  readonly #syscalls: Syscalls;
  readonly #target: string;
  /** The entry at work, for errors. */
  #at = '';

  /** `target` does not exist yet; its parent does, and nobody else writes there. */
  constructor(syscalls: Syscalls, target: string) {
    this.#syscalls = syscalls;
    this.#target = target;
  }

  /**
   * @throws LapidaryError STORE_FAILED naming the entry that could not be made; the target is then incomplete
   * and is the caller's to remove
   */
  unpack(plan: TreePlan, fill: Fill, contents: ContentSource): void {
    this.finish(plan, fill, { contents, directories: new Set() });
  }

  /** The same where some directories are there, with mode 0700: the target itself, if it is not the empty set. */
  finish(plan: TreePlan, fill: Fill, rest: Rest): void {
    try {
      this.#finish(plan, fill, rest);
    } catch (error) {
      throw unpackError(error, this.#at);
    }
  }

  #finish(plan: TreePlan, fill: Fill, { contents, directories: made }: Rest): void {
    const directories = new Map<string, Metadata>([
      ['', plan.nodes.get('') ?? DEFAULT_DIRECTORY],
      ...fill.directories,
    ]);
    const inodes: (readonly [string, Inode])[] = [...fill.copies, ...plan.nodes];
    for (const [path, node] of inodes) if (node.type === 'dir') directories.set(path, node);
    const parentsFirst = [...directories.keys()].sort((a, b) => (a < b ? -1 : 1));
    for (const path of parentsFirst) if (!made.has(path)) mkdirSync(this.#host(path), 0o700);
    const files: FileItem[] = [];
    for (const [path, node] of inodes) {
      if (node.type === 'file') files.push({ path, node });
      else if (node.type !== 'dir') this.#makeSpecial(path, node);
    }
    contents.writeFiles(files, (item, write) => this.#makeFile(item, write));
    for (const path of plan.whiteouts) {
      if (directories.has(parentOf(path)))
        this.#syscalls.makeNode(this.#host(path), constants.S_IFCHR, NO_DEVICE);
    }
    for (const { path, target } of plan.links) {
      if (fill.copies.has(path)) continue;
      linkSync(hostPath(below(this.#target, fill.copied.get(target) ?? target)), this.#host(path));
    }
    // Deepest first: making something in a directory would move its time.
    for (const path of parentsFirst.reverse())
      this.#finishDirectory(path, directories.get(path), plan.opaque.has(path));
    if (!plan.nodes.has(''))
      this.#syscalls.setXattr(this.#target, impliedRootXattr(this.#syscalls), Buffer.from('y'));
  }

  #host(path: string): string | Buffer {
    this.#at = path;
    return hostPath(below(this.#target, path));
  }

  #makeFile({ path, node }: FileItem, write: (fd: number) => void): void {
    const host = this.#host(path);
    const fd = openSync(host, NEW_FILE, node.mode & 0o777);
    try {
      write(fd);
      const owned = node.uid !== 0 || node.gid !== 0;
      if (owned) fchownSync(fd, node.uid, node.gid);
      // Writing and changing the owner both clear these bits.
      if (node.mode > 0o777) fchmodSync(fd, node.mode);
    } finally {
      closeSync(fd);
    }
    this.#setMetadata(host, node);
  }

  #makeSpecial(path: string, node: Exclude<Inode, { type: 'file' | 'dir' }>): void {
    const host = this.#host(path);
    if (node.type === 'symlink') {
      symlinkSync(hostPath(node.target), host);
      lchownSync(host, node.uid, node.gid);
    } else if (node.type !== 'fifo' && this.#syscalls.inNamespace) {
      // Nobody but root of the machine can make it: commands see nothing there, as nothing below shows through
      this.#syscalls.makeNode(host, constants.S_IFCHR, NO_DEVICE);
      return;
    } else {
      const device = node.type === 'fifo' ? NO_DEVICE : node;
      this.#syscalls.makeNode(host, NODE_TYPE[node.type] | node.mode, device);
      chownSync(host, node.uid, node.gid);
      chmodSync(host, node.mode);
    }
    this.#setMetadata(host, node);
  }

  #finishDirectory(path: string, metadata: Metadata = DEFAULT_DIRECTORY, opaque: boolean): void {
    const host = this.#host(path);
    chownSync(host, metadata.uid, metadata.gid);
    chmodSync(host, metadata.mode);
    if (opaque) this.#syscalls.setXattr(host, opaqueXattr(this.#syscalls), Buffer.from('y'));
    this.#setMetadata(host, metadata);
  }

  #setMetadata(host: string | Buffer, metadata: Metadata): void {
    setImageXattrs(this.#syscalls, host, metadata.xattrs);
    this.#syscalls.setTimes(host, metadata.mtime, metadata.mtimeNs);
  }
}

/** What to throw for an error of a system call while `path` of a layer was made; other errors stay as they are. */
export function unpackError(error: unknown, path: string): unknown {
  const code = errnoOf(error);
  if (code === undefined) return error;
  if (code === 'EINVAL' && isChown(error)) return unmappedOwner(path, error);
  return new LapidaryError('STORE_FAILED', `cannot unpack ${quoted(path)} of a layer: ${code}`, {
    hint: code === 'ENOSPC' ? 'free some disk space' : undefined,
    cause: error,
  });
}

function isChown(error: unknown): boolean {
  return /^[fl]?chown$/.test((error as NodeJS.ErrnoException).syscall ?? '');
}

/** user_namespaces(7): an owner that is not mapped cannot be given. */
function unmappedOwner(path: string, cause: unknown): LapidaryError {
  const message = `cannot unpack ${quoted(path)} of a layer: its owner has no ID in the user namespace of this build`;
  return new LapidaryError('STORE_FAILED', message, {
    hint: 'give this user more IDs in /etc/subuid and /etc/subgid and install uidmap (see `lapidary doctor`), or build as root',
    cause,
  });
}

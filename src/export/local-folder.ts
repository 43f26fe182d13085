import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import { encodePathText } from '../tar/index.ts';
import type { DirNode, FileNode, Inode, Metadata } from '../tree/index.ts';
import { errnoOf, writeError } from './write-error.ts';

/** A file that is being written; disposing closes it. */
export interface OpenedFile extends Disposable {
  write(chunk: Uint8Array): void;
  finish(node: FileNode): void;
}

/** Things left out, counted, with the path of the first. */
type Omission = { count: number; first: string };

/**
 * A directory on the host that takes the nodes of a tree, parents before children. Synchronous: tens of thousands of
 * small files cost system calls and nothing else. Every method throws LapidaryError EXPORT_FAILED.
 */
export class LocalFolder {
  readonly #root: string;
  /** Directories that are known to be directories and not links; `''` is the root. */
  readonly #folders = new Set<string>(['']);
  /** Whose metadata is set last, since writing into them changes it. */
  readonly #unfinished: { readonly path: string; readonly node: DirNode }[] = [];
  readonly #skipped = new Set<string>();
  readonly #special: Omission = { count: 0, first: '' };
  readonly #owners: Omission = { count: 0, first: '' };
  readonly #xattrs: Omission = { count: 0, first: '' };
  readonly #isRoot: boolean = process.geteuid?.() === 0;
  #size = 0;

  /** `root` exists and is a directory, its path free of links. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Bytes of the files written. */
  get size(): number {
    return this.#size;
  }

  place(path: string, node: Exclude<Inode, FileNode>): void {
    this.#attempt(path, () => {
      switch (node.type) {
        case 'dir':
          return this.#folder(path, node);
        case 'symlink':
          return this.#symlink(path, node);
        default:
          this.#skipped.add(path);
          note(this.#special, path);
      }
    });
  }

  write(path: string, node: FileNode, chunks: readonly Uint8Array[]): void {
    using file = this.open(path);
    for (const chunk of chunks) file.write(chunk);
    file.finish(node);
  }

  /** Makes an empty file in place of what is there. */
  open(path: string): OpenedFile {
    const fd = this.#attempt(path, () => this.#create(path, () => openSync(this.#host(path), 'wx', 0o600)));
    return {
      write: (chunk) =>
        this.#attempt(path, () => {
          for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
          this.#size += chunk.length;
        }),
      finish: (node) =>
        this.#attempt(path, () => {
          this.#own(path, node, () => fchownSync(fd, node.uid, node.gid));
          fchmodSync(fd, node.mode);
          futimesSync(fd, timeOf(node), timeOf(node));
        }),
      [Symbol.dispose]: () => closeSync(fd),
    };
  }

  link(path: string, target: string): void {
    this.#attempt(path, () => {
      if (!this.#skipped.has(target)) {
        this.#create(path, () => linkSync(this.#host(target), this.#host(path)));
        return;
      }
      this.#skipped.add(path);
      note(this.#special, path);
    });
  }

  /** Sets what writing into directories would have changed. */
  finish(): void {
    for (const { path, node } of this.#unfinished.toReversed()) {
      this.#attempt(path, () => {
        this.#own(path, node, () => lchownSync(this.#host(path), node.uid, node.gid));
        chmodSync(this.#host(path), node.mode);
        utimesSync(this.#host(path), timeOf(node), timeOf(node));
      });
    }
  }

  warnings(): string[] {
    const omissions = [
      { what: 'devices and pipes that were not created', ...this.#special },
      { what: 'files whose owner was not set, since only root can do that', ...this.#owners },
      { what: 'files whose extended attributes were not set', ...this.#xattrs },
    ];
    return omissions
      .filter(({ count }) => count > 0)
      .map(({ what, count, first }) => `${what}: ${count}, such as ${quoted(first)}`);
  }

  #folder(path: string, node: DirNode): void {
    if (path === '') return;
    this.#enter(path);
    this.#unfinished.push({ path, node });
  }

  #symlink(path: string, node: Extract<Inode, { type: 'symlink' }>): void {
    const host = this.#host(path);
    this.#create(path, () => symlinkSync(Buffer.from(encodePathText(node.target)), host));
    this.#own(path, node, () => lchownSync(host, node.uid, node.gid));
    lutimesSync(host, timeOf(node), timeOf(node));
  }

  /** Makes a directory and those above it, or makes sure that they are directories and can be written to. */
  #enter(path: string): void {
    if (this.#folders.has(path)) return;
    this.#enter(parentOf(path));
    const host = this.#host(path);
    const found = lstatOrNothing(host);
    if (found === undefined) mkdirSync(host, 0o755);
    else if (!found.isDirectory()) throw this.#inTheWay(path, found, 'a directory');
    else if (!this.#isRoot && (found.mode & 0o700) !== 0o700) chmodSync(host, (found.mode & 0o7777) | 0o700);
    this.#folders.add(path);
  }

  /** Runs `make`, again without what is in the way if there is something. */
  #create<T>(path: string, make: () => T): T {
    this.#enter(parentOf(path));
    try {
      return make();
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    const host = this.#host(path);
    const found = lstatOrNothing(host);
    if (found?.isDirectory()) throw this.#inTheWay(path, found, 'no directory');
    if (found !== undefined) unlinkSync(host);
    return make();
  }

  #own(path: string, node: Metadata, change: () => void): void {
    if (node.xattrs !== undefined && node.xattrs.size > 0) note(this.#xattrs, path);
    if (!this.#isRoot) {
      if (node.uid !== process.geteuid?.() || node.gid !== process.getegid?.()) note(this.#owners, path);
      return;
    }
    try {
      change();
    } catch (error) {
      if (!['EPERM', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error; // root of a user namespace
      note(this.#owners, path);
    }
  }

  /** The path as the bytes that the kernel is given. */
  #host(path: string): Buffer {
    if (/(?:^|\/)\.\.?(?:\/|$)/.test(path)) throw noPath(path);
    return Buffer.from(encodePathText(join(this.#root, path)));
  }

  #attempt<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw writeError(error, join(this.#root, path));
    }
  }

  #inTheWay(path: string, found: Stats, wanted: string): LapidaryError {
    const kind = found.isSymbolicLink() ? 'a symbolic link' : found.isDirectory() ? 'a directory' : 'a file';
    return new LapidaryError(
      'EXPORT_FAILED',
      `${quoted(join(this.#root, path))} is ${kind}, but ${wanted} in the image`,
      { hint: 'remove it, or choose an empty directory' },
    );
  }
}

function noPath(path: string): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `${quoted(path)} is no path of an image`);
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** Seconds; the host's clock for this has microseconds. */
const timeOf = ({ mtime, mtimeNs }: Metadata): number => mtime + Math.floor(mtimeNs / 1000) / 1e6;

function note(omission: Omission, path: string): void {
  if (omission.count === 0) omission.first = path;
  omission.count++;
}

function lstatOrNothing(host: Buffer): Stats | undefined {
  return lstatSync(host, { throwIfNoEntry: false });
}

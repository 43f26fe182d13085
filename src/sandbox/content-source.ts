import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { StorePaths } from '../solve/index.ts';
import type { ContentRef, FileNode } from '../tree/index.ts';
import { hostPath } from './host-path.ts';
import type { Syscalls } from './syscalls.ts';

/** Longest stretch of a pack that is read at once. */
const WINDOW = 4 << 20;
/** Bytes between two files that are rather read than skipped: tar headers and padding are shorter. */
const GAP = 64 << 10;
/** Names of packs and unpacked layers, as they may stand in a layer's table. */
const SAFE_NAME = /^[0-9A-Za-z][0-9A-Za-z._-]{0,254}$/;

/** One file to be made: where it goes, and what it is. */
export type FileItem = { readonly path: string; readonly node: FileNode };
type PackRef = Extract<ContentRef, { kind: 'pack' }>;
type PackItem = FileItem & { readonly ref: PackRef };
/** Files of one pack that are near each other, in the order of their offsets. */
type ReadGroup = {
  readonly pack: string;
  readonly start: number;
  readonly end: number;
  readonly items: readonly PackItem[];
};

/**
 * Files whose contents are in packs, grouped so that each group is one sequential read of at most 4 MiB,
 * or one file of any length. Empty files are in some group too.
 */
export function groupReads(items: readonly PackItem[]): ReadGroup[] {
  const sorted = [...items].sort((a, b) =>
    a.ref.pack === b.ref.pack ? a.ref.offset - b.ref.offset : a.ref.pack < b.ref.pack ? -1 : 1,
  );
  const groups: { pack: string; start: number; end: number; items: PackItem[] }[] = [];
  for (const item of sorted) {
    const { pack, offset } = item.ref;
    const last = groups.at(-1);
    const end = Math.max(offset + item.node.size, last?.pack === pack ? last.end : 0);
    if (last !== undefined && last.pack === pack && offset <= last.end + GAP && end <= last.start + WINDOW) {
      last.items.push(item);
      last.end = end;
    } else {
      groups.push({ pack, start: offset, end: offset + item.node.size, items: [item] });
    }
  }
  return groups;
}

function corrupt(what: string, why: string): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `the store's ${what} ${why}`, {
    hint: 'remove the local store; the next build fills it again',
  });
}

function safeName(name: string): string {
  if (!SAFE_NAME.test(name)) throw corrupt('layer table', `names a file ${quoted(name)}`);
  return name;
}

/** Writes all of `bytes`. */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at);
}

/** Reads file contents that are in the store. Synchronous; disposing closes what is open. */
export class ContentSource implements Disposable {
  readonly #paths: StorePaths;
  readonly #syscalls: Syscalls;
  readonly #buffer = Buffer.allocUnsafeSlow(WINDOW);
  #pack: { readonly name: string; readonly fd: number } | undefined;

  constructor(paths: StorePaths, syscalls: Syscalls) {
    this.#paths = paths;
    this.#syscalls = syscalls;
  }

  /**
   * Calls `make` once per file, in the order in which reading is cheapest. `make` creates the file and hands
   * its descriptor to the function it gets.
   * @throws LapidaryError STORE_CORRUPT when contents are missing or shorter than the table says
   */
  writeFiles(items: readonly FileItem[], make: (item: FileItem, fill: (fd: number) => void) => void): void {
    const packed: PackItem[] = [];
    for (const item of items) {
      const ref = item.node.content;
      if (ref.kind === 'pack') packed.push({ ...item, ref });
      else if (ref.kind === 'tree') make(item, (fd) => this.#copyTree(ref, item.node.size, fd));
      else if (ref.kind === 'bytes') make(item, (fd) => writeAll(fd, ref.bytes));
      else throw corrupt('layer table', `has contents outside of the store, at ${quoted(ref.path)}`);
    }
    for (const group of groupReads(packed)) this.#writeGroup(group, make);
  }

  #writeGroup(group: ReadGroup, make: (item: FileItem, fill: (fd: number) => void) => void): void {
    const source = this.#openPack(group.pack);
    const length = group.end - group.start;
    if (length > WINDOW) {
      for (const item of group.items) {
        make(item, (fd) =>
          this.#copy(
            { source, offset: item.ref.offset, size: item.node.size, what: `pack ${group.pack}` },
            fd,
          ),
        );
      }
      return;
    }
    this.#read({ source, offset: group.start, size: length, what: `pack ${group.pack}` });
    for (const item of group.items) {
      const from = item.ref.offset - group.start;
      make(item, (fd) => writeAll(fd, this.#buffer.subarray(from, from + item.node.size)));
    }
  }

  #openPack(name: string): number {
    if (this.#pack?.name === name) return this.#pack.fd;
    this[Symbol.dispose]();
    const fd = openSync(`${this.#paths.packs}/${safeName(name)}`, 'r');
    this.#pack = { name, fd };
    return fd;
  }

  #copyTree(ref: Extract<ContentRef, { kind: 'tree' }>, size: number, to: number): void {
    const what = `tree ${ref.tree}`;
    const directory = openSync(`${this.#paths.trees}/${safeName(ref.tree)}`, 'r');
    try {
      const source = this.#syscalls.openBeneath(directory, hostPath(ref.path));
      try {
        const stat = fstatSync(source);
        if (!stat.isFile() || stat.size !== size)
          throw corrupt(what, `has no file ${quoted(ref.path)} of ${size} bytes`);
        this.#copy({ source, offset: 0, size, what }, to);
      } finally {
        closeSync(source);
      }
    } finally {
      closeSync(directory);
    }
  }

  #copy(range: { source: number; offset: number; size: number; what: string }, to: number): void {
    for (let done = 0; done < range.size; ) {
      const size = Math.min(WINDOW, range.size - done);
      this.#read({ ...range, offset: range.offset + done, size });
      writeAll(to, this.#buffer.subarray(0, size));
      done += size;
    }
  }

  #read({
    source,
    offset,
    size,
    what,
  }: {
    source: number;
    offset: number;
    size: number;
    what: string;
  }): void {
    for (let done = 0; done < size; ) {
      const length = readSync(source, this.#buffer, done, size - done, offset + done);
      if (length === 0) throw corrupt(what, `ends before byte ${offset + size}`);
      done += length;
    }
  }

  [Symbol.dispose](): void {
    if (this.#pack !== undefined) closeSync(this.#pack.fd);
    this.#pack = undefined;
  }
}

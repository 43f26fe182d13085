import { createHash, type Hash } from 'node:crypto';
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { nextTurn, turnIsOver } from '../solve/index.ts';
import { decodePathText, encodePathText } from '../tar/index.ts';

/** What changed this recently may change again without its times moving. */
const UNSETTLED_MS = 2000;
/** Numbers of each file that go into the digest. */
const FIELDS = 8;

export type FingerprintOptions = {
  /** Directories that need not be walked: nothing in them can be in the context. */
  readonly canSkipDirectory: (path: string) => boolean;
  /** The wall clock, before anything is looked at. */
  readonly nowMs: number;
};

/**
 * A digest, hex, over what lstat(2) says of everything at and below some paths of a directory: names, types, modes,
 * inodes, sizes and times. Equal digests mean that nothing was touched in between. It takes a fraction of what it takes to
 * make a tree of the same files, since nothing of them is kept.
 *
 * `undefined` where it cannot tell: something changed within the last two seconds, something cannot be looked at, or a
 * path leads up or through a link.
 */
export async function fingerprint(
  root: string,
  paths: readonly string[],
  options: FingerprintOptions,
): Promise<string | undefined> {
  const walk = new Walk(root, options);
  try {
    for (const path of paths) if (!(await walk.take(path))) return undefined;
  } catch (error) {
    // Whoever looks at the files one by one says what is wrong with which of them
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return undefined;
    throw error;
  }
  return walk.digest();
}

class Walk {
  readonly #root: string;
  readonly #options: FingerprintOptions;
  readonly #hash: Hash = createHash('sha256');
  readonly #settledMs: number;
  #settled = true;

  constructor(root: string, options: FingerprintOptions) {
    this.#root = root;
    this.#options = options;
    this.#settledMs = options.nowMs - UNSETTLED_MS;
  }

  digest(): string | undefined {
    return this.#settled ? this.#hash.digest('hex') : undefined;
  }

  /** False when it leads through a link, or up. */
  async take(path: string): Promise<boolean> {
    this.#hash.update(`\0\0${path}\0`);
    let at = '';
    for (const name of path.split('/')) {
      if (name === '' || name === '.') continue;
      if (name === '..') return false;
      at = at === '' ? name : `${at}/${name}`;
      const stats = this.#lstat(at);
      if (stats === undefined) return true;
      if (stats.isSymbolicLink()) return false;
      const numbers = new Float64Array(FIELDS);
      this.#record(stats, numbers, 0);
      this.#update(at, numbers);
      if (!stats.isDirectory()) return true;
    }
    await this.#below(at);
    return true;
  }

  async #below(directory: string): Promise<void> {
    const names = this.#list(directory).sort();
    // Numbers at once: keeping what lstat says of a whole directory costs a sixth of the time, for the garbage collector
    const numbers = new Float64Array(names.length * FIELDS);
    const directories: string[] = [];
    let found = 0;
    for (const name of names) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const stats = this.#lstat(path);
      if (stats === undefined) continue;
      this.#record(stats, numbers, FIELDS * found++);
      if (stats.isDirectory() && !this.#options.canSkipDirectory(path)) directories.push(path);
    }
    this.#update(names.join('\0'), numbers.subarray(0, found * FIELDS));
    if (turnIsOver()) await nextTurn();
    for (const path of directories) await this.#below(path);
  }

  #record(stats: Stats, numbers: Float64Array, at: number): void {
    numbers[at] = stats.dev;
    numbers[at + 1] = stats.ino;
    numbers[at + 2] = stats.mode;
    numbers[at + 3] = stats.size;
    numbers[at + 4] = stats.nlink;
    numbers[at + 5] = stats.rdev;
    numbers[at + 6] = stats.mtimeMs;
    numbers[at + 7] = stats.ctimeMs;
    if (stats.mtimeMs > this.#settledMs || stats.ctimeMs > this.#settledMs) this.#settled = false;
  }

  #update(names: string, numbers: Float64Array): void {
    this.#hash.update(`${numbers.length / FIELDS}\0${names}\0\0`).update(numbers);
  }

  /** Names as texts, by their bytes only where one is not UTF-8: that takes longer. */
  #list(directory: string): string[] {
    const host = this.#host(directory);
    const names = readdirSync(host);
    if (!names.some((name) => name.includes('\ufffd'))) return names;
    return readdirSync(host, { encoding: 'buffer' }).map(decodePathText);
  }

  #lstat(path: string): Stats | undefined {
    return lstatSync(this.#host(path), { throwIfNoEntry: false });
  }

  /** Bytes where the name is not UTF-8; a text is what Node is fastest with. */
  #host(path: string): string | Buffer {
    const host = `${this.#root}/${path}`;
    return host.isWellFormed() ? host : Buffer.from(encodePathText(host));
  }
}

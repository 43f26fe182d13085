import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Digest, isDigest } from '../oci/index.ts';

/** What tells a file's contents apart without reading it. Times in nanoseconds. */
export type FileStamp = {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
};

/** A file that changed this recently may change again without its times moving. */
const UNSETTLED_NS = 2_000_000_000n;
/** How many files that were not asked for are remembered, besides as many as were. */
const MAX_UNUSED = 20_000;
const HEAD = 'lapidary-stat-cache-1';

/**
 * Digests of the files of one directory context, by what lstat says of them. Kept in one file; anything in it that
 * does not read well is forgotten.
 */
export class StatCache {
  readonly #file: string;
  #old: Map<string, Digest> | undefined;
  readonly #new = new Map<string, Digest>();
  #changed = false;

  constructor(file: string) {
    this.#file = file;
  }

  get(stamp: FileStamp): Digest | undefined {
    this.#old ??= load(this.#file);
    const key = keyOf(stamp);
    const digest = this.#old.get(key);
    if (digest !== undefined) this.#new.set(key, digest);
    return digest;
  }

  /** `readAtNs` is the wall clock before the file was read. */
  put(stamp: FileStamp, digest: Digest, readAtNs: bigint): void {
    const youngest = stamp.mtimeNs > stamp.ctimeNs ? stamp.mtimeNs : stamp.ctimeNs;
    if (readAtNs - youngest < UNSETTLED_NS) return;
    this.#new.set(keyOf(stamp), digest);
    this.#changed = true;
  }

  /** Writes what is new, and what of the old may still be of use. A cache that cannot be written is no error. */
  save(): void {
    if (!this.#changed) return;
    const lines = [...this.#unused(), ...this.#new].map(([key, digest]) => `${key} ${digest}`);
    const temporary = `${this.#file}.${randomBytes(6).toString('hex')}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeFileSync(temporary, `${[HEAD, ...lines].join('\n')}\n`, { mode: 0o600 });
      renameSync(temporary, this.#file);
      this.#changed = false;
    } catch {
      removeIfPossible(temporary);
    }
  }

  /** What was known before of other files; nothing once that is far more than what is used. */
  #unused(): (readonly [string, Digest])[] {
    const used = new Set(Array.from(this.#new.keys(), inodeOf));
    const unused = [...(this.#old ?? [])].filter(([key]) => !used.has(inodeOf(key)));
    return unused.length > used.size + MAX_UNUSED ? [] : unused;
  }
}

function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // What could not be written may not be removable either
  }
}

function inodeOf(key: string): string {
  return key.split(':', 2).join(':');
}

function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: FileStamp): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

function load(file: string): Map<string, Digest> {
  const known = new Map<string, Digest>();
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch {
    return known;
  }
  const [head, ...lines] = text.split('\n');
  if (head !== HEAD) return known;
  for (const line of lines) {
    const space = line.indexOf(' ');
    const digest = line.slice(space + 1);
    if (space > 0 && isDigest(digest)) known.set(line.slice(0, space), digest);
  }
  return known;
}

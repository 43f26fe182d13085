import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Digest, isDigest } from '../oci/index.ts';
import { inTurns } from '../solve/index.ts';
import { eachStep, mapSteps, type Steps, sliceSteps } from '../tree/index.ts';

/** Part of what lstat(2) says of a file. Times in nanoseconds. */
type FileStats = {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
};

/** What tells a file's contents apart without reading it. One text and one number: there are as many as files. */
export type FileStamp = {
  readonly key: string;
  /** When it changed last, rounded up; milliseconds. */
  readonly changedMs: number;
};

export function stampOf(stats: FileStats): FileStamp {
  const { mtimeNs, ctimeNs } = stats;
  const youngest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return { key: keyOf(stats), changedMs: Number((youngest + 999_999n) / 1_000_000n) };
}

/** A file that changed this recently may change again without its times moving. */
const UNSETTLED_MS = 2000;
/** How many files that were not asked for are remembered, besides as many as were. */
const MAX_UNUSED = 20_000;
const HEAD = 'lapidary-stat-cache-1';

/**
 * Digests of the files of one directory context, by what lstat says of them. Kept in one file; anything in it that
 * does not read well is forgotten.
 */
export class StatCache {
  readonly #file: string;
  readonly #old: ReadonlyMap<string, Digest>;
  readonly #new = new Map<string, Digest>();
  #changed = false;

  private constructor(file: string, known: ReadonlyMap<string, Digest>) {
    this.#file = file;
    this.#old = known;
  }

  static async open(file: string): Promise<StatCache> {
    return new StatCache(file, await inTurns(load(file)));
  }

  get({ key }: FileStamp): Digest | undefined {
    const digest = this.#old.get(key);
    if (digest !== undefined) this.#new.set(key, digest);
    return digest;
  }

  /** `readAtMs` is the wall clock before the file was read. */
  put({ key, changedMs }: FileStamp, digest: Digest, readAtMs: number): void {
    if (readAtMs - changedMs < UNSETTLED_MS) return;
    this.#new.set(key, digest);
    this.#changed = true;
  }

  /** Writes what is new, and what of the old may still be of use. A cache that cannot be written is no error. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    const pieces = await inTurns(this.#pieces());
    const temporary = `${this.#file}.${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
      await writeFile(temporary, pieces, { mode: 0o600 });
      await rename(temporary, this.#file);
    } catch {
      await removeIfPossible(temporary);
    }
  }

  *#pieces(): Steps<string[]> {
    const known = [...(yield* this.#unused()), ...this.#new];
    const pieces = [`${HEAD}\n`];
    yield* sliceSteps(known, (some) => pieces.push(some.map((one) => `${one.join(' ')}\n`).join('')));
    return pieces;
  }

  /** What was known before of other files; nothing once that is far more than what is used. */
  *#unused(): Steps<(readonly [string, Digest])[]> {
    if (this.#old.size === 0) return [];
    const used = new Set(yield* mapSteps(this.#new.keys(), inodeOf));
    const unused: (readonly [string, Digest])[] = [];
    yield* eachStep(this.#old, (known) => {
      if (!used.has(inodeOf(known[0]))) unused.push(known);
    });
    return unused.length > used.size + MAX_UNUSED ? [] : unused;
  }
}

async function removeIfPossible(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch {
    // What could not be written may not be removable either
  }
}

function inodeOf(key: string): string {
  return key.slice(0, key.indexOf(':', key.indexOf(':') + 1));
}

/** Joined and not a template: V8 keeps all parts of one, which are 350 bytes for each file of the context. */
function keyOf({ dev, ino, size, mtimeNs, ctimeNs }: FileStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}

function* load(file: string): Steps<Map<string, Digest>> {
  const known = new Map<string, Digest>();
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch {
    return known;
  }
  const [head, ...lines] = text.split('\n');
  if (head !== HEAD) return known;
  yield* eachStep(lines, (line) => {
    const space = line.indexOf(' ');
    const digest = line.slice(space + 1);
    if (space > 0 && isDigest(digest)) known.set(line.slice(0, space), digest);
  });
  return known;
}

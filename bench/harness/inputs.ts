import { closeSync, copyFileSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { cached, INPUTS } from './shell.ts';

const POOL_BYTES = 2 ** 24;
const BLOCK = 2 ** 16;

/** xorshift32: the same numbers from the same seed on every machine. */
export function random(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

let pool: Buffer | undefined;

/** 16 MiB, in every 4 KiB three quarters words and one quarter noise, so that it compresses about as programs do. */
function contents(): Buffer {
  if (pool !== undefined) return pool;
  const next = random(1);
  const words = Array.from(
    { length: 2000 },
    () =>
      `${next()
        .toString(36)
        .slice(0, 2 + (next() % 6))} `,
  );
  const bytes = Buffer.alloc(POOL_BYTES);
  let at = 0;
  while (at < POOL_BYTES) {
    if (at % 4096 < 3072) at += bytes.write(words[next() % words.length] ?? '', at, 'latin1');
    else at = bytes.writeUInt32LE(next(), Math.min(at, POOL_BYTES - 4));
  }
  pool = bytes;
  return bytes;
}

/** `size` bytes that begin with `seed`, so that no two files are the same. */
function fileBytes(seed: number, size: number): Buffer {
  const at = (Math.imul(seed, 2654435761) >>> 0) % (POOL_BYTES - size);
  const bytes = Buffer.from(contents().subarray(at, at + size));
  bytes.write(`${seed}\n`, 0, 'latin1');
  return bytes;
}

export type Tree = { readonly files: number; readonly meanBytes: number };

/** Files of 16 bytes to twice the mean, 100 to a directory, directories two deep. */
export function writeTree(directory: string, { files, meanBytes }: Tree): void {
  const next = random(files);
  for (let i = 0; i < files; i++) {
    const parent = join(directory, `d${Math.floor(i / 2500)}`, `e${Math.floor(i / 100)}`);
    if (i % 100 === 0) mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `file-${i}.txt`), fileBytes(i + 1, 16 + (next() % (2 * meanBytes - 32))));
  }
}

/** A directory with a tree in `data/`, kept between runs. */
export function treeContext(tree: Tree): string {
  return cached(join(INPUTS, `tree-${tree.files}-${tree.meanBytes}`), (path) =>
    writeTree(join(path, 'data'), tree),
  );
}

/** A directory with 1 GiB in `data/`: 8 files of 128 MiB, kept between runs. */
export function bigContext(): string {
  return cached(join(INPUTS, 'gib'), (path) => {
    mkdirSync(join(path, 'data'), { recursive: true });
    const next = random(7);
    for (let file = 0; file < 8; file++) {
      const descriptor = openSync(join(path, 'data', `big-${file}.bin`), 'w');
      for (let block = 0; block < 2048; block++) {
        writeSync(descriptor, contents(), BLOCK * (next() % (POOL_BYTES / BLOCK)), BLOCK);
      }
      closeSync(descriptor);
    }
  });
}

/** A directory with nothing but a static busybox. */
export function busyboxContext(): string {
  return cached(join(INPUTS, 'busybox'), (path) => {
    mkdirSync(path, { recursive: true });
    copyFileSync('/bin/busybox', join(path, 'busybox'));
  });
}

/** A directory with this Dockerfile, beside the contexts, so that contexts stay as they are. */
export function dockerfile(name: string, lines: readonly string[]): string {
  const directory = join(INPUTS, 'dockerfiles');
  mkdirSync(directory, { recursive: true });
  const path = join(directory, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

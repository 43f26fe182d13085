import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { END, encodeHeader, padding, TarReader } from '../tar/index.ts';
import { TarEntries } from '../tree/index.ts';
import { parentOf } from './host-path.ts';
import { LayerScan } from './layer-scan.ts';
import { type OpMaker, runOps } from './unpack-ops.ts';

type Files = ReadonlyMap<string, string>;

function tarOf(files: Files): Uint8Array {
  const parts = [...files].flatMap(([path, text]) => {
    const bytes = Buffer.from(text);
    const owner = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };
    const header = encodeHeader({ ...owner, path, type: 'file', size: bytes.length });
    return [header, bytes, new Uint8Array(padding(bytes.length))];
  });
  return Buffer.concat([...parts, END]);
}

/** Makes files in memory, and insists on what it was told itself. */
class MemoryMaker implements OpMaker {
  readonly files = new Map<string, string>();
  readonly #directories = new Set(['']);
  #open: { readonly path: string; text: string } | undefined;
  contents: Uint8Array = new Uint8Array();

  directory(path: string): void {
    this.#needs(path);
    this.#directories.add(path);
  }

  open(path: string): void {
    if (this.#open !== undefined) throw new Error(`${this.#open.path} is open while ${path} begins`);
    this.#needs(path);
    this.#open = { path, text: '' };
  }

  #needs(path: string): void {
    if (!this.#directories.has(parentOf(path)))
      throw new Error(`nothing was said of the directory of ${path}`);
  }

  write(start: number, length: number): void {
    if (this.#open) this.#open.text += Buffer.from(this.contents.subarray(start, start + length)).toString();
  }

  close(): void {
    if (this.#open) this.files.set(this.#open.path, this.#open.text);
    this.#open = undefined;
  }
}

const name = fc.constantFrom('a', 'b', 'c');
const path = fc.array(name, { maxLength: 3 }).map((names) => ['d', ...names, 'f'].join('/'));
const text = fc.nat({ max: 3000 }).map((length) => 'text '.repeat(600).slice(0, length));
const files = fc.array(fc.tuple(path, text), { maxLength: 12 }).map((all): Files => new Map(all));
const pieces = fc.array(fc.record({ size: fc.integer({ min: 1, max: 2000 }), maker: fc.nat({ max: 1 }) }), {
  minLength: 1,
});

describe('what has to be made of a layer', () => {
  test('is shared by two makers so that each can do its part in order, and nobody else needs to wait', () => {
    fc.assert(
      fc.property(files, pieces, (all, cuts) => {
        const makers = [new MemoryMaker(), new MemoryMaker()] as const;
        const entries = new TarEntries((at) => ({ kind: 'tree', tree: '', path: at }));
        const scan = new LayerScan(entries);
        const reader = new TarReader(scan);
        const tar = tarOf(all);
        for (let at = 0, turn = 0; at < tar.length; turn++) {
          const { size, maker } = cuts[turn % cuts.length] ?? { size: 512, maker: 0 };
          const piece = tar.subarray(at, at + size);
          at += size;
          for (const share of scan.scan(piece, maker, () => reader.push(piece))) {
            const one = makers[share.maker === 0 ? 0 : 1];
            one.contents = piece;
            runOps(share.ops, one);
          }
        }
        reader.end();
        const [first, second] = makers.map((one) => one.files);
        const made = new Map([...(first ?? []), ...(second ?? [])]);
        expect(made).toEqual(all);
        expect((first?.size ?? 0) + (second?.size ?? 0)).toBe(all.size);
        for (const file of all.keys()) expect(scan.directories).toContain(parentOf(file));
      }),
    );
  });
});

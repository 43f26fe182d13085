/*
 * What has to be made of a layer, in a form that costs next to nothing to hand to another thread: one text with all
 * paths, and one array of numbers. An object per file would take longer to copy than the file takes to be written.
 */

/** Metadata of a file, in the order in which it stands among the numbers. */
export type FileOwner = {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly mtimeNs: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
};

/** Makes what `runOps` reads; `start` and `length` are always a range of the piece that the ops go with. */
export interface OpMaker {
  /** A directory: none above it is missing. */
  directory(path: string): void;
  /** A file, followed by its contents in any number of writes and by its end. */
  open(path: string, owner: FileOwner): void;
  write(start: number, length: number): void;
  close(): void;
}

export type Ops = {
  /** Paths of directories and files, with a NUL between them: no path holds one. */
  readonly paths: string;
  readonly numbers: Float64Array<ArrayBuffer>;
  /** Those of the few files that have any, by their number among the files of these ops. */
  readonly xattrs: ReadonlyMap<number, ReadonlyMap<string, Uint8Array>>;
};

const CODE = { directory: 0, open: 1, write: 2, close: 3 } as const;

export class OpList implements OpMaker {
  #paths: string[] = [];
  #numbers: number[] = [];
  #xattrs = new Map<number, ReadonlyMap<string, Uint8Array>>();
  #files = 0;

  get isEmpty(): boolean {
    return this.#numbers.length === 0;
  }

  directory(path: string): void {
    this.#paths.push(path);
    this.#numbers.push(CODE.directory);
  }

  open(path: string, { mode, uid, gid, mtime, mtimeNs, xattrs }: FileOwner): void {
    this.#paths.push(path);
    this.#numbers.push(CODE.open, mode, uid, gid, mtime, mtimeNs);
    if (xattrs !== undefined) this.#xattrs.set(this.#files, xattrs);
    this.#files += 1;
  }

  write(start: number, length: number): void {
    this.#numbers.push(CODE.write, start, length);
  }

  close(): void {
    this.#numbers.push(CODE.close);
  }

  /** What was put in since the last `take`. */
  take(): Ops {
    const ops = {
      paths: this.#paths.join('\0'),
      numbers: Float64Array.from(this.#numbers),
      xattrs: this.#xattrs,
    };
    this.#paths = [];
    this.#numbers = [];
    this.#xattrs = new Map();
    this.#files = 0;
    return ops;
  }
}

/** Does to `maker` what was done to the list. */
export function runOps({ paths, numbers, xattrs }: Ops, maker: OpMaker): void {
  const names = paths.split('\0');
  const number = (at: number): number => numbers[at] ?? 0;
  let [name, files] = [0, 0];
  for (let at = 0; at < numbers.length; ) {
    switch (numbers[at]) {
      case CODE.directory:
        maker.directory(names[name++] ?? '');
        at += 1;
        break;
      case CODE.open: {
        const [mode, uid, gid] = [number(at + 1), number(at + 2), number(at + 3)];
        const owner = { mode, uid, gid, mtime: number(at + 4), mtimeNs: number(at + 5) };
        const extra = xattrs.size === 0 ? undefined : xattrs.get(files);
        maker.open(names[name++] ?? '', extra === undefined ? owner : { ...owner, xattrs: extra });
        files += 1;
        at += 6;
        break;
      }
      case CODE.write:
        maker.write(number(at + 1), number(at + 2));
        at += 3;
        break;
      default:
        maker.close();
        at += 1;
    }
  }
}

import { LapidaryError } from '../errors/index.ts';
import type { ByteSource, ElfDynamic, ElfObject, ElfTarget } from './elf-object.ts';

const HEADER_BYTES = 64;
/** More than any linker makes. */
const MAX_SEGMENTS = 4096;
const MAX_DYNAMIC_BYTES = 1 << 20;
/** PATH_MAX of Linux: what is longer is no path. */
const MAX_STRING = 4096;

const PT = { load: 1, dynamic: 2, interp: 3 } as const;
const DT = { needed: 1, strtab: 5, soname: 14, rpath: 15, runpath: 29, flags1: 0x6ffffffb } as const;
const DF_1_NODEFLIB = 0x800;

type Segment = {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
};

/**
 * Reads the headers of an object; `undefined` when the file is no ELF. Nothing but headers, the dynamic section and the
 * names that it uses is read, however large the file is.
 * @throws LapidaryError ELF_INVALID for what says that it is an ELF, but cannot be loaded
 */
export async function readElf(source: ByteSource): Promise<ElfObject | undefined> {
  const head = await source.read(0, HEADER_BYTES);
  if (head.length < 4 || Buffer.from(head.subarray(0, 4)).toString('latin1') !== '\x7fELF') return undefined;
  const view = new Fields(head);
  const target = targetOf(view);
  const segments = await readSegments(source, view, target);
  const interp = segments.find(({ type }) => type === PT.interp);
  const dynamic = segments.find(({ type }) => type === PT.dynamic);
  return {
    target,
    interpreter: interp && (await readString(source, interp.offset, Math.min(interp.size, MAX_STRING))),
    dynamic: dynamic && (await readDynamic(source, { dynamic, segments, target })),
  };
}

function targetOf(view: Fields): ElfTarget {
  const [kind, order] = [view.byte(4), view.byte(5)];
  if ((kind !== 1 && kind !== 2) || (order !== 1 && order !== 2))
    throw invalid(`is of class ${kind} and byte order ${order}`);
  const littleEndian = order === 1;
  view.littleEndian = littleEndian;
  return { bits: kind === 1 ? 32 : 64, littleEndian, machine: view.half(18) };
}

async function readSegments(source: ByteSource, head: Fields, { bits }: ElfTarget): Promise<Segment[]> {
  const wide = bits === 64;
  const start = wide ? head.long(32) : head.word(28);
  const [size, count] = [head.half(wide ? 54 : 42), head.half(wide ? 56 : 44)];
  if (count === 0) return []; // an object file
  if (size < (wide ? 56 : 32) || count > MAX_SEGMENTS)
    throw invalid(`has ${count} segments of ${size} bytes`);
  const view = await fieldsAt(source, { offset: start, size: size * count, like: head });
  return Array.from({ length: count }, (_, index): Segment => {
    const at = index * size;
    return wide
      ? {
          type: view.word(at),
          offset: view.long(at + 8),
          address: view.long(at + 16),
          size: view.long(at + 32),
        }
      : {
          type: view.word(at),
          offset: view.word(at + 4),
          address: view.word(at + 8),
          size: view.word(at + 16),
        };
  });
}

async function readDynamic(
  source: ByteSource,
  {
    dynamic,
    segments,
    target,
  }: { readonly dynamic: Segment; readonly segments: readonly Segment[]; readonly target: ElfTarget },
): Promise<ElfDynamic> {
  if (dynamic.size > MAX_DYNAMIC_BYTES) throw invalid(`has a dynamic section of ${dynamic.size} bytes`);
  const like = { littleEndian: target.littleEndian };
  const view = await fieldsAt(source, { offset: dynamic.offset, size: dynamic.size, like });
  const entries = dynamicEntries(view, dynamic.size, target.bits);
  const table = entries.find(([tag]) => tag === DT.strtab)?.[1];
  const start = table === undefined ? undefined : offsetOf(table, segments);
  const strings = (tag: number): Promise<string[]> =>
    Promise.all(
      entries
        .filter(([one]) => one === tag)
        .map(([, at]) => {
          if (start === undefined) throw invalid('has names, but no table of them');
          return readString(source, start + at, MAX_STRING);
        }),
    );
  const flags = entries.find(([tag]) => tag === DT.flags1)?.[1] ?? 0;
  return {
    soname: (await strings(DT.soname))[0],
    needed: await strings(DT.needed),
    rpath: (await strings(DT.rpath)).flatMap(directories),
    runpath: (await strings(DT.runpath)).flatMap(directories),
    noDefaultLibraries: (flags & DF_1_NODEFLIB) !== 0,
  };
}

const directories = (list: string): string[] => list.split(':').filter((one) => one !== '');

function dynamicEntries(view: Fields, size: number, bits: 32 | 64): (readonly [number, number])[] {
  const entries: (readonly [number, number])[] = [];
  const step = bits === 64 ? 16 : 8;
  for (let at = 0; at + step <= size; at += step) {
    const tag = bits === 64 ? view.low(at) : view.word(at);
    if (tag === 0) break;
    entries.push([tag, bits === 64 ? view.low(at + 8) : view.word(at + 4)]);
  }
  return entries;
}

/** Where in the file an address is loaded from. */
function offsetOf(address: number, segments: readonly Segment[]): number {
  for (const { type, address: start, offset, size } of segments) {
    if (type === PT.load && address >= start && address < start + size) return address - start + offset;
  }
  throw invalid(`refers to address ${address}, which is in none of its segments`);
}

async function readString(source: ByteSource, offset: number, most: number): Promise<string> {
  const bytes = Buffer.from(await source.read(offset, most));
  const end = bytes.indexOf(0);
  if (end < 0) throw invalid(`has a name without an end at ${offset}`);
  // One character a byte: paths of trees are made of bytes too, and libraries have ASCII names
  return bytes.subarray(0, end).toString('utf8');
}

type Place = { readonly offset: number; readonly size: number; readonly like: { littleEndian: boolean } };

async function fieldsAt(source: ByteSource, { offset, size, like }: Place): Promise<Fields> {
  if (offset + size > source.size) throw invalid(`ends at ${source.size}, before ${offset + size}`);
  const fields = new Fields(await source.read(offset, size));
  fields.littleEndian = like.littleEndian;
  return fields;
}

/** Numbers of a header. What is outside of it is an error, not zero. */
class Fields {
  readonly #view: DataView;
  littleEndian = true;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(at: number): number {
    return this.#inside(at, 1).getUint8(at);
  }

  half(at: number): number {
    return this.#inside(at, 2).getUint16(at, this.littleEndian);
  }

  word(at: number): number {
    return this.#inside(at, 4).getUint32(at, this.littleEndian);
  }

  /** Offsets and sizes: beyond 2^53 there is no file. */
  long(at: number): number {
    const value = this.low(at);
    if (!Number.isSafeInteger(value)) throw invalid(`has the number ${value} for an offset or a size`);
    return value;
  }

  /** Of any size, beyond 2^53 not exact: tags and flags. */
  low(at: number): number {
    return Number(this.#inside(at, 8).getBigUint64(at, this.littleEndian));
  }

  #inside(at: number, length: number): DataView {
    if (at + length > this.#view.byteLength) throw invalid('is cut off');
    return this.#view;
  }
}

function invalid(what: string): LapidaryError {
  return new LapidaryError('ELF_INVALID', `the ELF file ${what}`, {
    hint: 'it is damaged, or no program that Linux could load',
  });
}

import { createHash } from 'node:crypto';
import { LapidaryError, quoted } from '../errors/index.ts';
import { sha256 } from '../oci/index.ts';
import { nextTurn, turnIsOver } from '../solve/index.ts';
import { END, encodeHeader, padding } from '../tar/index.ts';
import { type TocEntry, tocEntry } from './estargz-toc.ts';
import type { PackMember } from './pack-members.ts';

/** Part of reproducibility. Of a file: as long as a piece can be that is fetched and verified by itself. */
const CHUNK = 4 * 1024 * 1024;
/** Threads get at least this much at a time, but for the last. */
const BATCH = 1024 * 1024;
/** Headers that follow each other may be cut here, so that memory is bounded. */
const MAX_HEADERS = 1024 * 1024;

const TOC_NAME = 'stargz.index.json';
const NO_PREFETCH = '.no.prefetch.landmark';
/** Of this format; a layer that has them was an eStargz before, and what they say is not true any more. */
const RESERVED: ReadonlySet<string> = new Set([TOC_NAME, NO_PREFETCH, '.prefetch.landmark']);

/** Headers of what the format adds. */
const OWN = { type: 'file', mode: 0o444, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 } as const;
export const tocHeader = (size: number): Uint8Array => encodeHeader({ ...OWN, path: TOC_NAME, size });
/** Says that nothing is worth fetching before it is read. */
const LANDMARK_CONTENTS = Uint8Array.of(0xf);
const LANDMARK: PackMember = {
  member: { ...OWN, path: NO_PREFETCH, size: 1 },
  file: {
    node: {
      ...OWN,
      size: 1,
      digest: sha256(LANDMARK_CONTENTS),
      content: { kind: 'bytes', bytes: LANDMARK_CONTENTS },
    },
    contents: LANDMARK_CONTENTS,
  },
};

/** A piece of the tar that becomes one gzip member. */
export type TarPart = {
  length: number;
  /** What it begins with: a chunk of a file that is `size` bytes long; absent where it is headers only. */
  readonly chunk?: { readonly size: number; readonly entry: TocEntry };
  /** Of the members whose headers are in it and that have no contents. */
  readonly entries: TocEntry[];
};
export type TarBatch = { readonly bytes: Uint8Array<ArrayBuffer>; readonly parts: readonly TarPart[] };

/**
 * Cuts a layer's tar where an eStargz has gzip headers: before the contents of each file that is not empty, and within
 * them every 4 MiB. The landmark that the format asks for comes first; the end of the tar is left out.
 * @throws LapidaryError STORE_CORRUPT for contents that do not have their digest, UNSUPPORTED for a name that is not UTF-8
 */
export async function* estargzParts(groups: AsyncIterable<readonly PackMember[]>): AsyncGenerator<TarBatch> {
  const out = new PartBuilder();
  yield* addMember(LANDMARK, out);
  for await (const group of groups) {
    for (const member of group) {
      if (!RESERVED.has(member.member.path)) yield* addMember(member, out);
      if (turnIsOver()) await nextTurn();
    }
  }
  yield* out.rest();
}

async function* addMember({ member, file }: PackMember, out: PartBuilder): AsyncGenerator<TarBatch> {
  out.addHeader(encodeHeader(member));
  const entry = tocEntry(member, file?.node.digest);
  if (file === undefined || member.size === 0) out.addEntry(entry);
  else {
    const { contents } = file;
    const size = member.size;
    if (contents instanceof Uint8Array && size <= CHUNK) {
      out.startChunk({ size, entry });
      out.add(contents);
    } else yield* addChunks(contents instanceof Uint8Array ? [contents] : contents, entry, out);
    out.add(END.subarray(0, padding(size)));
  }
  yield* out.full();
}

/** A file of several chunks; each has a digest made elsewhere, the whole has one that is checked here. */
async function* addChunks(
  contents: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  entry: TocEntry,
  out: PartBuilder,
): AsyncGenerator<TarBatch> {
  const size = entry.size ?? 0;
  const whole = createHash('sha256');
  let offset = 0;
  for await (const piece of contents) {
    whole.update(piece);
    for (let at = 0; at < piece.length; ) {
      if (offset % CHUNK === 0) {
        yield* out.full();
        out.startChunk(chunkAt(entry, offset, size));
      }
      const taken = piece.subarray(at, at + CHUNK - (offset % CHUNK));
      out.add(taken);
      at += taken.length;
      offset += taken.length;
    }
  }
  if (`sha256:${whole.digest('hex')}` !== entry.digest) throw otherContents(entry.name);
}

function chunkAt(entry: TocEntry, offset: number, size: number): NonNullable<TarPart['chunk']> {
  const rest = size - offset;
  const length = rest > CHUNK ? { chunkSize: CHUNK } : {};
  const line: TocEntry =
    offset === 0
      ? { ...entry, ...length }
      : { name: entry.name, type: 'chunk', chunkOffset: offset, ...length };
  return { size: Math.min(rest, CHUNK), entry: line };
}

/** `name` as in the table of contents. */
export function otherContents(name: string): LapidaryError {
  return new LapidaryError(
    'STORE_CORRUPT',
    `the contents of ${quoted(name)} in the local store do not have the digest that its layer says`,
    { hint: 'build again with --no-cache, or remove the store' },
  );
}

/** Gathers parts to batches. Pieces are kept as they are until their batch is closed. */
class PartBuilder {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #parts: TarPart[] = [];
  #part: TarPart = this.#start({});
  #done: TarBatch[] = [];

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    this.#part.length += piece.length;
  }

  addHeader(header: Uint8Array): void {
    if (this.#part.length - (this.#part.chunk?.size ?? 0) >= MAX_HEADERS) this.#part = this.#start({});
    this.add(header);
  }

  /** Of what was added last, and has no contents. */
  addEntry(entry: TocEntry): void {
    this.#part.entries.push(entry);
  }

  startChunk(chunk: NonNullable<TarPart['chunk']>): void {
    this.#part = this.#start({ chunk });
  }

  *full(): Generator<TarBatch> {
    yield* this.#done.splice(0);
  }

  *rest(): Generator<TarBatch> {
    this.#close();
    yield* this.full();
  }

  #start(chunk: Pick<TarPart, 'chunk'>): TarPart {
    if (this.#length >= BATCH) this.#close();
    const part = { length: 0, ...chunk, entries: [] };
    this.#parts.push(part);
    return part;
  }

  #close(): void {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    this.#done.push({ bytes, parts: this.#parts });
    this.#pieces = [];
    this.#parts = [];
    this.#length = 0;
  }
}

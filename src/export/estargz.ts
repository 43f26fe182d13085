import type { DiffId, Digest } from '../oci/index.ts';
import { inTurns } from '../solve/index.ts';
import { END, padding } from '../tar/index.ts';
import { eachStep, type Steps } from '../tree/index.ts';
import { estargzParts, otherContents, type TarBatch, type TarPart, tocHeader } from './estargz-parts.ts';
import { TocText } from './estargz-toc.ts';
import { compressStream } from './gzip.ts';
import { GZIP_HEADER } from './gzip-member.ts';
import type { PartsResult } from './gzip-parts.ts';
import { gzipInThread, MAX_GZIP_THREADS } from './gzip-pool.ts';
import { Meter } from './metered.ts';
import type { PackMember } from './pack-members.ts';

/** What is known of an eStargz when its last byte is written. */
export type EstargzFacts = {
  /** Of the tar in it, which also holds the landmark and the table of contents. */
  readonly diffId: DiffId;
  /** Bytes of this tar. */
  readonly size: number;
  /** Of the table of contents; readers verify it by the annotation of the layer's descriptor. */
  readonly tocDigest: Digest;
};

/**
 * A layer as an eStargz: a gzip of a tar whose files can be fetched one by one. Every file that is not empty starts a
 * gzip member, longer ones one per 4 MiB. The last member of the tar is the table of contents; an empty gzip
 * member of 51 bytes says where it begins. For all other tools it is a `.tar.gz` with two files more.
 *
 * The bytes depend on the members and the level alone. Members are compressed on all cores; memory is bounded by
 * their number, and by the table of contents: about 300 bytes a file.
 * Source: stargz-snapshotter, docs/estargz.md.
 *
 * @throws LapidaryError STORE_CORRUPT, UNSUPPORTED for a name that is not UTF-8
 */
export async function* estargz(
  members: AsyncIterable<readonly PackMember[]>,
  level: number,
): AsyncGenerator<Uint8Array, EstargzFacts> {
  const tar = new Meter();
  const toc = new TocText();
  let offset = 0;
  for await (const { parts, result } of inThreads(estargzParts(members), tar, level)) {
    await inTurns(addToTable(toc, { parts, result, offset }));
    offset += result.bytes.length;
    yield result.bytes;
  }
  const { pieces, digest: tocDigest } = toc.end();
  const end = tar.tap(tocMember(pieces, toc.size));
  yield* compressStream(end, 'gzip', { level }); // readers expect the table in a single member
  yield estargzFooter(offset);
  return { diffId: tar.digest() as DiffId, size: tar.size, tocDigest };
}

type Compressed = { readonly parts: readonly TarPart[]; readonly result: PartsResult };

/** Compresses batches side by side and gives them in their order; digests what goes in. */
async function* inThreads(
  batches: AsyncIterable<TarBatch>,
  tar: Meter,
  level: number,
): AsyncGenerator<Compressed> {
  const waiting: Promise<Compressed>[] = [];
  for await (const { bytes, parts } of batches) {
    tar.update(bytes);
    const lengths = parts.map(({ length }) => length);
    const digested = parts.map(({ chunk }) => chunk?.size ?? 0);
    const job = gzipInThread({ bytes, lengths, digested, level }).then((result) => ({ parts, result }));
    job.catch(() => undefined); // thrown when its turn comes, if it does
    waiting.push(job);
    if (waiting.length > MAX_GZIP_THREADS) yield* waiting.splice(0, 1);
  }
  yield* waiting;
}

function* addToTable(
  toc: TocText,
  { parts, result, offset }: Compressed & { readonly offset: number },
): Steps<void> {
  let at = offset;
  let index = 0;
  yield* eachStep(parts, ({ chunk, entries }) => {
    const chunkDigest = result.digests[index] ?? '';
    if (chunk !== undefined) {
      const { entry } = chunk;
      const isWhole = entry.type === 'reg' && entry.chunkSize === undefined;
      if (isWhole && entry.digest !== chunkDigest) throw otherContents(entry.name);
      toc.add({ ...entry, offset: at, chunkDigest });
    }
    for (const entry of entries) toc.add(entry);
    at += result.lengths[index] ?? 0;
    index += 1;
  });
}

async function* tocMember(pieces: readonly Uint8Array[], size: number): AsyncGenerator<Uint8Array> {
  yield tocHeader(size);
  yield* pieces;
  yield END.subarray(0, padding(size));
  yield END;
}

/** An empty gzip member in one stored block, with the place of the table of contents in its extra field `SG`. */
export function estargzFooter(tocOffset: number): Uint8Array {
  const header = Buffer.from(GZIP_HEADER);
  header[3] = 4; // FLG.FEXTRA
  const subfield = `${tocOffset.toString(16).padStart(16, '0')}STARGZ`;
  const extra = Buffer.from([subfield.length + 4, 0, 0x53, 0x47, subfield.length, 0]);
  const stored = Buffer.from([1, 0, 0, 0xff, 0xff]);
  return Buffer.concat([header, extra, Buffer.from(subfield, 'latin1'), stored, Buffer.alloc(8)]);
}

import { hash } from 'node:crypto';
import { crc32, deflateRawSync } from 'node:zlib';
import { releaseMemory } from '../host/index.ts';
import { GZIP_HEADER, gzipTrailer } from './gzip-member.ts';

/** All that crosses to a thread: its buffers are handed over, not copied. */
export type PartsJob = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lengths of the pieces of `bytes`, none of them 0. Each becomes a gzip member. */
  readonly lengths: readonly number[];
  /** How many bytes at the start of each piece to digest; 0 for none. */
  readonly digested: readonly number[];
  readonly level: number;
};
export type PartsResult = {
  /** The members one after another. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: readonly number[];
  /** `sha256:…` of what was to be digested, `''` where nothing was. */
  readonly digests: readonly string[];
};

/** Compresses pieces, each by itself; `bytes` are gone after it. It blocks: 50 ms per MiB. */
export function gzipParts({ bytes, lengths, digested, level }: PartsJob): PartsResult {
  const members: Uint8Array[] = [];
  const sizes: number[] = [];
  const digests: string[] = [];
  let at = 0;
  for (const [index, length] of lengths.entries()) {
    const part = bytes.subarray(at, at + length);
    at += length;
    const body = deflateRawSync(part, { level, chunkSize: greatest(length) });
    members.push(GZIP_HEADER, body, gzipTrailer(crc32(part), length));
    sizes.push(GZIP_HEADER.length + body.length + 8);
    const count = digested[index] ?? 0;
    digests.push(count === 0 ? '' : `sha256:${hash('sha256', part.subarray(0, count))}`);
  }
  const all = joined(members);
  for (const piece of [bytes, ...members]) releaseMemory(piece);
  return { bytes: all, lengths: sizes, digests };
}

/** So that the compressed bytes come in one chunk: stored blocks add little to what does not compress. */
const greatest = (length: number): number => Math.max(64, length + Math.ceil(length / 1024) + 64);

/** In memory of its own, which can be handed over. */
function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

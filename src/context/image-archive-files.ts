import { stat } from 'node:fs/promises';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { BlobStore } from '../solve/index.ts';

/** What a descriptor promises of a blob. */
export type ExpectedBlob = { readonly digest: Digest; readonly size: number };
export type PutBlob = { readonly digest: Digest; readonly size: number };

/** The files of an image archive, or of a layout directory. Paths are as written inside, with `/`. */
export interface ImageFiles {
  /** What errors call it: a path, or the name of a stream. */
  readonly name: string;
  has(path: string): Promise<boolean>;
  /**
   * A whole small file. @throws LapidaryError IMAGE_NOT_FOUND when it is absent, MANIFEST_INVALID when it has more
   * than `maxBytes`
   */
  read(path: string, maxBytes: number): Promise<Uint8Array>;
  /** Puts a file into the blob store. @throws LapidaryError IMAGE_NOT_FOUND, DIGEST_MISMATCH */
  toBlob(path: string, expect?: ExpectedBlob): Promise<PutBlob>;
}

/** Manifests, indexes and configurations: the bound that registries put on manifests. */
export const MAX_JSON_BYTES: number = 4 * 1024 * 1024;

export function missingFile(files: { readonly name: string }, path: string): LapidaryError {
  return new LapidaryError('IMAGE_NOT_FOUND', `${quoted(path)} is missing in ${quoted(files.name)}`, {
    hint: 'the archive is incomplete: write it again',
  });
}

export function tooLarge(files: { readonly name: string }, path: string, maxBytes: number): LapidaryError {
  return new LapidaryError(
    'MANIFEST_INVALID',
    `${quoted(path)} in ${quoted(files.name)} has more than ${maxBytes} bytes`,
  );
}

/** Names the file in an error that only knows digests. */
export function mismatch(files: { readonly name: string }, path: string, cause: unknown): unknown {
  if (!(cause instanceof LapidaryError) || cause.code !== 'DIGEST_MISMATCH') return cause;
  return new LapidaryError(
    'DIGEST_MISMATCH',
    `${quoted(path)} in ${quoted(files.name)} is not what it should be: ${cause.message}`,
    { cause, hint: 'the archive is damaged: write it again' },
  );
}

/**
 * Puts a stream into the store. What is there already is not read again, so only its file can tell its size.
 * @throws LapidaryError DIGEST_MISMATCH
 */
export async function putVerified(
  blobs: BlobStore,
  source: AsyncIterable<Uint8Array>,
  options: { readonly expect: ExpectedBlob | undefined; readonly signal: AbortSignal | undefined },
): Promise<PutBlob> {
  const { expect, signal } = options;
  const put = await blobs.putStream(source, {
    ...(expect === undefined ? {} : { expect: { digest: expect.digest, size: expect.size } }),
    ...(signal === undefined ? {} : { signal }),
  });
  const { size } = await stat(blobs.path(put.digest));
  return expectBlob({ digest: put.digest, size }, expect);
}

/** @throws LapidaryError DIGEST_MISMATCH */
export function expectBlob(found: PutBlob, expect: ExpectedBlob | undefined): PutBlob {
  if (expect === undefined) return found;
  if (found.digest === expect.digest && found.size === expect.size) return found;
  throw new LapidaryError(
    'DIGEST_MISMATCH',
    `found ${found.digest} with ${found.size} bytes, expected ${expect.digest} with ${expect.size} bytes`,
  );
}

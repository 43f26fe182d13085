import { createReadStream } from 'node:fs';
import { LapidaryError, messageOf } from '../errors/index.ts';
import { type Descriptor, type Digest, hexOf, sha256 } from '../oci/index.ts';
import type { BlobStore } from '../solve/index.ts';
import { verified } from './metered.ts';
import { errnoOf } from './write-error.ts';

/** Blobs and packs are read in pieces of this size. */
export const READ_SIZE: number = 1024 * 1024;

/** A file of an OCI layout, in an archive or a directory. */
export type Member = {
  /** Relative, with `/`, ASCII. */
  readonly name: string;
  readonly size: number;
  /** Exactly `size` bytes, or an error. */
  readonly read: () => AsyncIterable<Uint8Array>;
};

export const blobName = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

/** A blob of the store, held against its digest while it is read. */
export function blobMember({ digest, size }: Descriptor, blobs: BlobStore): Member {
  const read = (): AsyncIterable<Uint8Array> =>
    verified(readBlob(digest, blobs), { what: `blob ${digest}`, digest, size });
  return { name: blobName(digest), size, read };
}

export function bytesMember(name: string, bytes: Uint8Array): Member {
  return { name, size: bytes.length, read: () => once(bytes) };
}

/** Bytes as a blob: its member and what a descriptor of it says. */
export function bytesBlob(bytes: Uint8Array): {
  readonly member: Member;
  readonly digest: Digest;
  readonly size: number;
} {
  const digest = sha256(bytes);
  return { member: bytesMember(blobName(digest), bytes), digest, size: bytes.length };
}

/** The bytes of a blob as they are. @throws LapidaryError STORE_CORRUPT when they cannot be read */
export async function* readBlob(digest: Digest, blobs: BlobStore): AsyncGenerator<Uint8Array> {
  try {
    const source = createReadStream(blobs.path(digest), { highWaterMark: READ_SIZE });
    for await (const chunk of source) yield chunk as Uint8Array;
  } catch (error) {
    if (errnoOf(error) === undefined || error instanceof LapidaryError) throw error;
    throw new LapidaryError(
      'STORE_CORRUPT',
      `blob ${digest} of the local store cannot be read: ${messageOf(error)}`,
      { cause: error, hint: 'build again with --no-cache, or remove the store' },
    );
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

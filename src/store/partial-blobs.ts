import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream, readdirSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { LapidaryError } from '../errors/index.ts';
import { markUnsettled } from '../host/index.ts';
import { type Digest, hexOf } from '../oci/index.ts';
import { moveInto, writeAll } from './atomic-file.ts';
import type { Spool } from './spool.ts';
import { isMissing } from './store-error.ts';

export type Expected = { readonly digest: Digest; readonly size: number };

const READ_SIZE = 1024 * 1024;

export type ReceivePaths = {
  /** Where unfinished blobs wait for somebody to go on with them. */
  readonly partial: string;
  /** Of this process. */
  readonly work: string;
  /** What the blob is called once it is whole. */
  readonly final: string;
  /** Where it is marked that its bytes may not be on the disk yet. */
  readonly unsettled: string;
};

/**
 * What is missing of a blob of which `size` bytes are there; `hash` has seen them and is carried on. Verifies the whole
 * and throws DIGEST_MISMATCH after the last byte when it is not what was promised.
 */
export type Rest = (have: { readonly size: number; readonly hash: Hash }) => AsyncIterable<Uint8Array>;

/** Taking blobs in while somebody else reads them. */
export interface Receiving {
  /**
   * A blob that comes from far away, as it arrives. What an earlier attempt has left (of this process or a dead one) is
   * read first, then `rest` is asked for the bytes from there on. The blob is in the store when the iteration has
   * ended, and not before; what arrived until it was broken off is kept for the next attempt.
   * @throws LapidaryError DIGEST_MISMATCH, after which nothing is kept
   */
  receive(expect: Expected, rest: Rest): AsyncIterable<Uint8Array>;
  /** Keeps a source as a blob, and lets others read what has been kept so far, any number of times. */
  spool(source: AsyncIterable<Uint8Array>): Spool;
}

/**
 * See `Receiving.receive`. An unfinished file belongs to whoever has moved it into his own work directory, so two
 * never write to one: the slower one begins anew.
 */
export async function* receiveBlob(
  expect: Expected,
  rest: Rest,
  { partial, work, final, unsettled }: ReceivePaths,
): AsyncGenerator<Uint8Array> {
  const waiting = join(partial, hexOf(expect.digest));
  const path = join(work, `receive-${hexOf(expect.digest)}-${randomBytes(4).toString('hex')}`);
  moveIfThere(waiting, path);
  try {
    await using file = await open(path, 'a', 0o600);
    const hash = createHash('sha256');
    let size = (await file.stat()).size;
    if (size > expect.size) throw mismatch(expect, `more than ${expect.size} bytes`);
    for await (const chunk of readFromStart(path, size)) {
      hash.update(chunk);
      yield chunk;
    }
    if (size === expect.size && size > 0) verify(expect, hash);
    else {
      for await (const chunk of rest({ size, hash })) {
        size += chunk.length;
        await writeAll(file, chunk);
        yield chunk;
      }
    }
    if (size !== expect.size) throw mismatch(expect, `${size} bytes instead of ${expect.size}`);
    markUnsettled(unsettled, { kind: 'blob', name: hexOf(expect.digest) });
    moveInto(path, final);
  } catch (error) {
    if (error instanceof LapidaryError && error.code === 'DIGEST_MISMATCH') rmSync(path, { force: true });
    throw error;
  } finally {
    // Whatever ended it: what has arrived is there for the next one
    moveIfThere(path, waiting);
  }
}

/** Saves the unfinished blobs in the work directory of a process that has ended. */
export function salvagePartial(work: string, partial: string): void {
  for (const name of readdirSync(work)) {
    const hex = /^receive-([0-9a-f]{64})-[0-9a-f]{8}$/.exec(name)?.[1];
    if (hex !== undefined) moveIfThere(join(work, name), join(partial, hex));
  }
}

function verify(expect: Expected, hash: Hash): void {
  const found = `sha256:${hash.digest('hex')}`;
  if (found !== expect.digest) throw mismatch(expect, `the digest ${found}`);
}

function mismatch({ digest }: Expected, has: string): LapidaryError {
  return new LapidaryError('DIGEST_MISMATCH', `the blob ${digest} has ${has}`, {
    hint: 'its source is damaged or was changed: fetch it again',
  });
}

async function* readFromStart(path: string, size: number): AsyncGenerator<Uint8Array> {
  if (size === 0) return;
  const source = createReadStream(path, { end: size - 1, highWaterMark: READ_SIZE });
  for await (const chunk of source) yield chunk as Uint8Array;
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

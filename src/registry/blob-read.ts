import { createHash, type Hash } from 'node:crypto';
import { LapidaryError } from '../errors/index.ts';
import type { Descriptor, Digest } from '../oci/index.ts';
import { discard, streamBody } from './answer-body.ts';
import type { Grant } from './authorisation.ts';
import type { Answer } from './exchange.ts';
import { Fault } from './fault.ts';
import { type Place, type Places, pathIn, pullGrant } from './places.ts';
import { protocolError, RegistryError } from './registry-error.ts';
import type { CallOptions } from './types.ts';

/** Progress after which a transfer has all its patience again. */
const PROGRESS_BYTES = 1024 * 1024;

type Blob = Pick<Descriptor, 'digest' | 'size'>;
export type BlobRead = CallOptions & {
  /** What is there already: its length and the digest over it so far, which is carried on. */
  readonly have?: { readonly size: number; readonly hash: Hash };
  readonly originOnly?: boolean;
};

/** Asks the registry itself; with the grant of a push, one token is enough for both. */
export async function hasBlob(
  { origin }: Places,
  digest: Digest,
  { signal, grant = pullGrant(origin) }: CallOptions & { readonly grant?: Grant },
): Promise<boolean> {
  const request = {
    method: 'HEAD',
    path: pathIn(origin, `blobs/${digest}`),
    grant,
    signal,
  };
  const answer = await origin.host.send(request, [200, 404]);
  discard(answer);
  return answer.status === 200;
}

/**
 * The bytes of a blob from where `have` ends. Broken transfers go on where they broke.
 * @throws LapidaryError DIGEST_MISMATCH after the last byte, or as soon as the size is known to be wrong
 */
export async function* readBlob(places: Places, blob: Blob, options: BlobRead): AsyncGenerator<Uint8Array> {
  const { signal, originOnly = false, have = { size: 0, hash: createHash('sha256') } } = options;
  const { hash } = have;
  const what = `GET ${pathIn(places.origin, `blobs/${blob.digest}`)}`;
  const patience = places.origin.host.patience(what);
  let offset = have.size;
  let progressAt = offset;
  while (offset < blob.size || (blob.size === 0 && offset === 0)) {
    const part = await places.read({ what, by: 'digest', signal, originOnly, patience }, (place) =>
      openPart(place, blob, { offset, signal }),
    );
    if (part.start > 0) places.origin.host.session.emit({ type: 'resumed', digest: blob.digest, offset });
    try {
      for await (const chunk of fromOffset(part, offset)) {
        if (offset + chunk.length > blob.size) throw wrongSize(blob, `more than ${blob.size} bytes`);
        hash.update(chunk);
        offset += chunk.length;
        yield chunk;
        if (offset - progressAt < PROGRESS_BYTES) continue;
        progressAt = offset;
        patience.reached(offset);
      }
      if (offset < blob.size) throw endedEarly(part.answer);
      break;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await patience.wait(error, signal);
    }
  }
  const digest = hash.digest('hex');
  if (`sha256:${digest}` !== blob.digest) throw wrongDigest(blob, digest);
}

type Part = {
  readonly answer: Answer;
  /** Where in the blob the body begins. */
  readonly start: number;
  readonly chunks: AsyncIterable<Uint8Array>;
};

async function openPart(
  place: Place,
  blob: Blob,
  { offset, signal }: { readonly offset: number; readonly signal: AbortSignal | undefined },
): Promise<Part> {
  const answer = await place.host.attempt(
    {
      method: 'GET',
      path: pathIn(place, `blobs/${blob.digest}`),
      // Compressing again on the way would change the bytes
      headers: { 'accept-encoding': 'identity', ...(offset > 0 && { range: `bytes=${offset}-` }) },
      lane: 'download',
      grant: pullGrant(place),
      signal,
    },
    [200, 206],
  );
  try {
    const start = startOf(answer, offset);
    checkSize(answer, start, blob);
    return {
      answer,
      start,
      chunks: streamBody(answer, { idleMs: place.host.session.timeouts.idle, signal }),
    };
  } catch (error) {
    answer.body.destroy();
    throw error;
  }
}

function startOf(answer: Answer, offset: number): number {
  if (answer.status === 200) return 0;
  const range = answer.headers['content-range'] ?? '';
  const start = Number(/^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/.exec(range)?.[1] ?? Number.NaN);
  if (start <= offset) return start;
  throw protocolError(answer, 'with a range that was not asked for');
}

/** A blob of another size can be told before it is transferred. */
function checkSize({ headers }: Answer, start: number, blob: Blob): void {
  const length = headers['content-length'];
  if (length === undefined || !/^\d{1,15}$/.test(length)) return;
  const total = start + Number(length);
  if (total !== blob.size && (start === 0 || total > blob.size)) throw wrongSize(blob, `${total} bytes`);
}

/** Leaves out what came before: a registry without ranges begins anew. */
async function* fromOffset({ start, chunks }: Part, offset: number): AsyncGenerator<Uint8Array> {
  let skip = offset - start;
  for await (const chunk of chunks) {
    if (skip < chunk.length) yield skip > 0 ? chunk.subarray(skip) : chunk;
    skip = Math.max(0, skip - chunk.length);
  }
}

function endedEarly({ method, url, status }: Answer): Fault {
  const reason = 'the transfer ended early';
  return new Fault(reason, { error: new RegistryError('REGISTRY_FAILED', { method, url, status, reason }) });
}

function wrongSize({ digest, size }: Blob, has: string): LapidaryError {
  return new LapidaryError('DIGEST_MISMATCH', `the blob ${digest} has ${has} instead of ${size}`, {
    hint: 'the image is damaged in the registry: push it again',
  });
}

function wrongDigest({ digest }: Blob, hex: string): LapidaryError {
  return new LapidaryError('DIGEST_MISMATCH', `a blob was promised as ${digest} but is sha256:${hex}`, {
    hint: 'the registry or a proxy before it is damaged: try again, or push the image again',
  });
}

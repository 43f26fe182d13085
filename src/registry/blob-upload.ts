import { LapidaryError } from '../errors/index.ts';
import type { Descriptor } from '../oci/index.ts';
import { discard } from './answer-body.ts';
import type { Grant } from './authorisation.ts';
import type { RequestBody } from './exchange.ts';
import { Fault } from './fault.ts';
import type { Patience } from './patience.ts';
import { type Place, pathIn, pushGrant } from './places.ts';
import { RegistryError } from './registry-error.ts';
import type { OpenSource, PushBlobOptions } from './types.ts';
import { UploadSession } from './upload-session.ts';

/** Blobs up to this size go with the request that completes the upload: one request less. */
const SMALL_BYTES = 1024 * 1024;
/** After a fault that left the registry with nothing, blobs go in pieces: at first of this size, in the end of that. */
const LARGEST_CHUNK = 64 * 1024 * 1024;
const SMALLEST_CHUNK = 5 * 1024 * 1024;
/** What registries answer that take no PATCH. */
const NO_CHUNKS = new Set([400, 404, 405, 411, 415, 501]);

type Blob = Pick<Descriptor, 'digest' | 'size'>;

type UploadParts = {
  readonly blob: Blob;
  readonly source: OpenSource;
  readonly options: PushBlobOptions;
  /** Already open, from an attempt to mount. */
  readonly session: UploadSession | undefined;
};

/** One blob on its way: in one piece while all goes well, in smaller ones after faults. */
export class BlobUpload {
  readonly #origin: Place;
  readonly #parts: UploadParts;
  readonly #grant: Grant;
  readonly #patience: Patience;
  #session: UploadSession | undefined;
  /** After a fault it is not known how far the registry got. */
  #uncertain = false;
  #chunkBytes = Number.POSITIVE_INFINITY;
  #rejected = 0;

  constructor(origin: Place, parts: UploadParts) {
    this.#origin = origin;
    this.#parts = parts;
    this.#session = parts.session;
    this.#grant = pushGrant(origin, parts.options.mountFrom);
    this.#patience = origin.host.patience(`upload of ${parts.blob.digest}`);
  }

  async run(): Promise<void> {
    while (true) {
      try {
        if (this.#uncertain && (await this.#findOut())) return;
        await this.#send();
        return;
      } catch (error) {
        const fault = error instanceof RegistryError ? await this.#faultOf(error) : error;
        if (fault === undefined) continue;
        if (!(fault instanceof Fault)) {
          await this.#abandon();
          throw fault;
        }
        this.#uncertain = true;
        await this.#patience.wait(fault, this.#parts.options.signal);
      }
    }
  }

  async #send(): Promise<void> {
    const { blob, options } = this.#parts;
    const { signal } = options;
    this.#session ??= await UploadSession.open(this.#origin, { grant: this.#grant, signal });
    const session = this.#session;
    if (session === undefined) throw this.#stuck('opened no upload');
    const whole = blob.size <= SMALL_BYTES || !this.#origin.host.takesChunks;
    if (whole && session.offset === 0) return session.finish(blob.digest, this.#body(0, blob.size));
    while (session.offset < blob.size) {
      const before = session.offset;
      const chunkBytes = Math.max(this.#chunkBytes, session.leastChunk);
      await session.patch(this.#body(before, Math.min(chunkBytes, blob.size - before)));
      if (session.offset <= before) throw this.#stuck('took nothing');
      this.#patience.reached(session.offset);
    }
    if (session.offset > blob.size) throw this.#stuck('says it has more than was sent');
    await session.finish(blob.digest);
  }

  #body(from: number, size: number): RequestBody & { readonly size: number } {
    const { source, options, blob } = this.#parts;
    const { onProgress } = options;
    return {
      size,
      async *open() {
        let done = 0;
        if (size === 0) return;
        for await (const chunk of source(from)) {
          const part = chunk.subarray(0, size - done);
          if (part.length > 0) yield part;
          done += part.length;
          onProgress?.(from + done);
          if (done === size) return;
        }
        throw sourceEnded(blob, from + done);
      },
    };
  }

  /** How far the registry got; true when it has the blob, since the answer to a commit may have been lost. */
  async #findOut(): Promise<boolean> {
    const { blob, options } = this.#parts;
    const session = this.#session;
    if (session === undefined) return false;
    const had = session.offset;
    const { signal } = options;
    const path = pathIn(this.#origin, `blobs/${blob.digest}`);
    const request = { method: 'HEAD', path, grant: this.#grant, signal };
    const answer = await this.#origin.host.attempt(request, [200, 404]);
    discard(answer);
    if (answer.status === 200) return true;
    try {
      await session.refresh();
      if (session.offset > blob.size) await this.#abandon();
    } catch (error) {
      // It does not know the upload any more, or cannot say
      if (!(error instanceof RegistryError)) throw error;
      this.#session = undefined;
    }
    this.#uncertain = false;
    const has = this.#session?.offset ?? 0;
    this.#patience.reached(has);
    if (has <= had) this.#shrink();
    if (has > 0) this.#origin.host.session.emit({ type: 'resumed', digest: blob.digest, offset: has });
    return false;
  }

  /** What a refusal means: a fault, nothing when another way is to be tried at once, or the error itself. */
  async #faultOf(error: RegistryError): Promise<Fault | RegistryError | undefined> {
    const { status = 0, method } = error;
    const { host } = this.#origin;
    if (method === 'PATCH' && host.takesChunks && this.#session?.offset === 0 && NO_CHUNKS.has(status)) {
      host.takesChunks = false;
      await this.#abandon();
      return undefined;
    }
    if (method === 'PATCH' && status === 413 && this.#chunkBytes > SMALLEST_CHUNK) {
      this.#shrink();
      this.#uncertain = true;
      return undefined;
    }
    const lost = status === 416 || status === 404;
    // Bytes may have been damaged on their way, once
    const damaged = method === 'PUT' && status === 400 && this.#rejected++ === 0;
    if (damaged) await this.#abandon();
    return (lost && method !== 'POST') || damaged ? new Fault(`status ${status}`, { error }) : error;
  }

  /** What the registry holds of an upload that leads nowhere is given back. */
  async #abandon(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.cancel();
  }

  #shrink(): void {
    this.#chunkBytes = Math.max(SMALLEST_CHUNK, Math.min(LARGEST_CHUNK, this.#chunkBytes / 2));
  }

  /** An answer that leads nowhere. */
  #stuck(what: string): Fault {
    const url = new URL(`https://${this.#origin.host.name}${pathIn(this.#origin, 'blobs/uploads/')}`);
    const reason = `the registry ${what}`;
    return new Fault(reason, {
      error: new RegistryError('REGISTRY_FAILED', { method: 'PATCH', url, reason }),
    });
  }
}

function sourceEnded({ digest, size }: Blob, at: number): LapidaryError {
  return new LapidaryError('DIGEST_MISMATCH', `the blob ${digest} ended after ${at} of ${size} bytes`, {
    hint: 'what it is read from is damaged or was changed',
  });
}

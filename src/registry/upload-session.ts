import type { Digest } from '../oci/index.ts';
import { discard } from './answer-body.ts';
import type { Grant } from './authorisation.ts';
import type { Answer, RequestBody } from './exchange.ts';
import { type Place, pathIn } from './places.ts';
import { protocolError, RegistryError } from './registry-error.ts';

type OpenOptions = {
  readonly grant: Grant;
  readonly signal: AbortSignal | undefined;
  /** A blob that another repository of the registry may hold: the registry takes it over, or opens an upload. */
  readonly mount?: { readonly digest: Digest; readonly from: string };
};

/**
 * An upload that a registry has opened. Every method is one try: a Fault says that it may be tried again, after
 * `refresh` has found out how far the registry got.
 *
 * Source: OCI distribution-spec v1.1.1, "Pushing blobs".
 */
export class UploadSession {
  readonly #place: Place;
  readonly #options: OpenOptions;
  /** Bytes that every chunk but the last must have. */
  readonly leastChunk: number;
  #location: URL;
  #offset = 0;

  private constructor(place: Place, options: OpenOptions, answer: Answer) {
    this.#place = place;
    this.#options = options;
    this.#location = locationOf(answer);
    const least = Number(answer.headers['oci-chunk-min-length']);
    this.leastChunk = Number.isSafeInteger(least) && least > 0 ? least : 0;
  }

  /** `undefined` when the blob was mounted. @throws Fault, RegistryError */
  static async open(place: Place, options: OpenOptions): Promise<UploadSession | undefined> {
    const { grant, signal, mount } = options;
    const query = mount
      ? `?${new URLSearchParams({ mount: mount.digest, from: mount.from }).toString()}`
      : '';
    const path = `${pathIn(place, 'blobs/uploads/')}${query}`;
    const request = { method: 'POST', path, body: NOTHING, grant, signal };
    const answer = await place.host.attempt(request, mount ? [201, 202] : [202]);
    discard(answer);
    if (answer.status === 201) return undefined;
    return new UploadSession(place, options, answer);
  }

  /** How many bytes the registry has, as far as it is known. */
  get offset(): number {
    return this.#offset;
  }

  /** Sends the bytes from `offset` on. What the registry took is in `offset` afterwards. */
  async patch(body: RequestBody & { readonly size: number }): Promise<void> {
    const end = this.#offset + body.size;
    const answer = await this.#send('PATCH', [200, 201, 202, 204], {
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${this.#offset}-${end - 1}`,
      },
      body,
    });
    this.#move(answer);
    const taken = receivedOf(answer) ?? end;
    this.#offset = taken === 1 && end !== 1 ? 0 : taken;
  }

  /** Asks how far the registry got. @throws RegistryError when it does not know the upload any more */
  async refresh(): Promise<void> {
    const answer = await this.#send('GET', [200, 202, 204], {});
    this.#move(answer);
    const received = receivedOf(answer) ?? 0;
    // `0-0` is one byte, but what registries say of none as well; a single byte is sent again
    this.#offset = received === 1 ? 0 : received;
  }

  /** Completes the upload, with all of its bytes where none were sent before. */
  async finish(digest: Digest, body?: RequestBody): Promise<void> {
    const location = new URL(this.#location);
    location.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    const answer = await this.#send('PUT', [200, 201, 202, 204], {
      location,
      headers,
      body: body ?? NOTHING,
      commit: true,
    });
    discard(answer);
  }

  /** Best effort: registries forget uploads after a while. */
  async cancel(): Promise<void> {
    try {
      const answer = await this.#send('DELETE', [200, 202, 204, 404], {});
      discard(answer);
    } catch {
      this.#options.signal?.throwIfAborted();
    }
  }

  #send(
    method: string,
    accept: readonly number[],
    extra: {
      readonly location?: URL;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: RequestBody;
      readonly commit?: boolean;
    },
  ): Promise<Answer> {
    const { location = this.#location, ...rest } = extra;
    const { grant, signal } = this.#options;
    const lane = rest.body === undefined ? 'control' : 'upload';
    return this.#place.host.attempt({ method, path: location, lane, grant, signal, ...rest }, accept);
  }

  /** Registries give a new location with every answer, which may hold the state of the upload. */
  #move(answer: Answer): void {
    discard(answer);
    if (answer.headers.location !== undefined) this.#location = locationOf(answer);
  }
}

const NOTHING: RequestBody = { size: 0, async *open() {} };

/** Bytes received, by `Range: 0-41`, which has an inclusive end and, of some registries, a unit. */
export function receivedOf({ headers }: Pick<Answer, 'headers'>): number | undefined {
  const last = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(headers['range']?.trim() ?? '')?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}

/**
 * Where an upload goes on. A registry behind a proxy may not know that it is reached by TLS; its own host stays where
 * it was found, others must not be plain HTTP.
 */
function locationOf(answer: Answer): URL {
  const { location } = answer.headers;
  const url = location === undefined ? null : URL.parse(location, answer.url.href);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw protocolError(answer, 'without a place to upload to');
  if (url.protocol === 'https:' || answer.url.protocol === 'http:') return url;
  if (url.hostname !== answer.url.hostname) {
    const reason = `uploads are to go to plain HTTP at ${url.host}`;
    throw new RegistryError('REGISTRY_TLS', { method: answer.method, url: answer.url, reason });
  }
  const secure = new URL(answer.url.origin);
  secure.pathname = url.pathname;
  secure.search = url.search;
  return secure;
}

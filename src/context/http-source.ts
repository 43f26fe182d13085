import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { LapidaryError, quoted } from '../errors/index.ts';
import { decompress } from '../host/index.ts';
import { type Digest, isDigest, sha256 } from '../oci/index.ts';
import { redacted } from '../plan/index.ts';
import type { FactStore, FileStore, LayerStore, RemoteFile, StoredFile } from '../solve/index.ts';
import type { FileNode } from '../tree/index.ts';
import type { ProxyVariables } from './http-agent.ts';
import { badStatus, bodyOf, getHttp, Transient } from './http-request.ts';

/** More than any file that belongs into an image. */
const MAX_BYTES = 64 * 2 ** 30;
const RETRY_DELAYS_MS = [500, 2000];

export type HttpSourceParts = {
  readonly facts: FactStore;
  readonly files: FileStore;
  readonly layers: Pick<LayerStore, 'openContent'>;
  readonly proxy: ProxyVariables;
  /** The value of an `Authorization` header for a host; `undefined` where there is none. */
  readonly authorization?: (host: string) => Promise<string | undefined>;
};

export type HttpRequest = { readonly url: string; readonly checksum?: string };

/** What is remembered of a URL: how to ask whether it changed, and what it was. */
type Known = {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  readonly file: StoredFile;
};

type Fetched = { readonly file: StoredFile; readonly modified: number };

/** Files behind http(s) URLs. What a server says is unchanged is not fetched again. */
export class HttpSource {
  readonly #parts: HttpSourceParts;

  constructor(parts: HttpSourceParts) {
    this.#parts = parts;
  }

  /** The contract of `RemoteSources.http`. */
  async open({ url: text, checksum }: HttpRequest, signal: AbortSignal): Promise<RemoteFile> {
    const url = parseUrl(text);
    if (checksum !== undefined && isDigest(checksum)) {
      const load = async (): Promise<FileNode> => nodeOf(await this.#pinned(url, checksum, signal));
      return { digest: checksum, load };
    }
    const fetched = await this.#revalidated(url, signal);
    if (checksum !== undefined) await this.#verify(fetched, checksum, url);
    return {
      digest: fetched.file.digest,
      modified: fetched.modified,
      load: () => Promise.resolve(nodeOf(fetched)),
    };
  }

  /** The file with a digest: the store's own when it came from this URL. */
  async #pinned(url: URL, digest: Digest, signal: AbortSignal): Promise<Fetched> {
    const known = await this.#known(url);
    if (known?.file.digest === digest) return { file: known.file, modified: secondsOf(known.lastModified) };
    const fetched = await this.#fetch(url, undefined, signal);
    if (fetched.file.digest === digest) return fetched;
    throw mismatch(url, digest, fetched.file.digest);
  }

  async #revalidated(url: URL, signal: AbortSignal): Promise<Fetched> {
    const known = await this.#known(url);
    const checkable = known !== undefined && (known.etag ?? known.lastModified) !== undefined;
    return this.#fetch(url, checkable ? known : undefined, signal);
  }

  async #fetch(url: URL, known: Known | undefined, signal: AbortSignal): Promise<Fetched> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#fetchOnce(url, known, signal);
      } catch (error) {
        const delay = RETRY_DELAYS_MS[attempt];
        if (!(error instanceof Transient) || delay === undefined) throw error;
        await sleep(delay, undefined, { signal });
      }
    }
  }

  async #fetchOnce(url: URL, known: Known | undefined, signal: AbortSignal): Promise<Fetched> {
    const { proxy } = this.#parts;
    const headers = { ...conditions(known), ...(await this.#authorization(url)) };
    const answer = await getHttp({ url, headers, proxy, signal });
    try {
      if (known !== undefined && isUnchanged(answer, known)) {
        return { file: known.file, modified: secondsOf(known.lastModified) };
      }
      if (answer.statusCode !== 200) throw badStatus(answer, url);
      return await this.#keep(url, answer, signal);
    } finally {
      answer.destroy();
    }
  }

  async #keep(url: URL, answer: IncomingMessage, signal: AbortSignal): Promise<Fetched> {
    const body = bodyOf(answer, { url, signal });
    // We said that gzip is fine: then it is the server's way of sending, as for every Go program
    const packed = answer.headers['content-encoding'] === 'gzip';
    const bytes = packed ? decompress(body, 'gzip', redacted(url.href)) : body;
    const file = await this.#parts.files.keep(bytes, { maxBytes: MAX_BYTES, signal });
    const { etag, 'last-modified': lastModified } = answer.headers;
    const known: Known = { etag, lastModified, file };
    await this.#parts.facts.put(factOf(url), JSON.stringify({ etag, lastModified, digest: file.digest }));
    return { file, modified: secondsOf(known.lastModified) };
  }

  async #known(url: URL): Promise<Known | undefined> {
    const fact = parseFact(await this.#parts.facts.get(factOf(url)));
    const file = fact && (await this.#parts.files.find(fact.digest));
    return file && { etag: fact.etag, lastModified: fact.lastModified, file };
  }

  async #authorization({ hostname }: URL): Promise<{ readonly authorization?: string }> {
    const value = await this.#parts.authorization?.(hostname);
    return value === undefined ? {} : { authorization: value };
  }

  async #verify(fetched: Fetched, checksum: string, url: URL): Promise<void> {
    const [algorithm = ''] = checksum.split(':');
    const hash = createHash(algorithm);
    for await (const chunk of this.#parts.layers.openContent(nodeOf(fetched)))
      hash.update(chunk as Uint8Array);
    const found = `${algorithm}:${hash.digest('hex')}`;
    if (found !== checksum) throw mismatch(url, checksum, found);
  }
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new LapidaryError('FETCH_FAILED', `${quoted(redacted(text))} is not a URL that can be fetched`, {
    hint: 'expected http://HOST/PATH or https://HOST/PATH',
  });
}

/** Digested, since a URL may hold a password. */
const factOf = (url: URL): string => `http:${sha256(url.href)}`;

type Fact = { readonly etag?: string; readonly lastModified?: string; readonly digest: Digest };

function parseFact(text: string | undefined): Fact | undefined {
  if (text === undefined) return undefined;
  const { etag, lastModified, digest } = JSON.parse(text) as Record<string, unknown>;
  if (typeof digest !== 'string' || !isDigest(digest)) return undefined;
  return {
    digest,
    ...(typeof etag === 'string' ? { etag } : {}),
    ...(typeof lastModified === 'string' ? { lastModified } : {}),
  };
}

function conditions(known: Known | undefined): Record<string, string> {
  if (known?.etag !== undefined) return { 'if-none-match': known.etag };
  return known?.lastModified === undefined ? {} : { 'if-modified-since': known.lastModified };
}

/** Some servers send the file again although the tag is the one that they were told. */
function isUnchanged({ statusCode, headers }: IncomingMessage, { etag }: Known): boolean {
  if (statusCode === 304) return true;
  return (
    statusCode === 200 && etag !== undefined && withoutWeakness(headers.etag ?? '') === withoutWeakness(etag)
  );
}

const withoutWeakness = (etag: string): string => etag.replace(/^W\//, '');

/** An HTTP date in seconds since 1970; 0 for none, as BuildKit has it. */
function secondsOf(date: string | undefined): number {
  const ms = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(ms) ? 0 : Math.floor(ms / 1000);
}

function nodeOf({ file, modified }: Fetched): FileNode {
  return { type: 'file', mode: 0o600, uid: 0, gid: 0, mtime: modified, mtimeNs: 0, ...file };
}

function mismatch(url: URL, wanted: string, found: string): LapidaryError {
  return new LapidaryError(
    'DIGEST_MISMATCH',
    `${quoted(redacted(url.href))} has the digest ${found}, not ${wanted}`,
    { hint: 'check the URL and --checksum: the file changed, or somebody changed it' },
  );
}

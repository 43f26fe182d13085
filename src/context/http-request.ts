import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { redacted } from '../plan/index.ts';
import { agentFor, type ProxyVariables } from './http-agent.ts';

export type HttpCall = {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Values of `HTTP_PROXY` and its relatives, in upper or lower case. */
  readonly proxy: ProxyVariables;
  readonly signal: AbortSignal;
};

const MAX_REDIRECTS = 10;
const IDLE_MS = 60_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * The answer to a GET, redirects followed. Whoever reads it reads it whole or destroys it. What authorises the request
 * stays with the host that it is for, and TLS is not left.
 * @throws LapidaryError FETCH_FAILED, `signal.reason`
 */
export async function getHttp(call: HttpCall): Promise<IncomingMessage> {
  let { url, headers } = call;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const answer = await send({ ...call, url, headers });
    if (!REDIRECTS.has(answer.statusCode ?? 0)) return answer;
    answer.destroy();
    const next = redirectOf(answer, url);
    if (next.origin !== url.origin) {
      const { authorization: _, ...others } = headers;
      headers = others;
    }
    url = next;
  }
  throw fetchFailed(call.url, `more than ${MAX_REDIRECTS} redirects`);
}

function redirectOf(answer: IncomingMessage, from: URL): URL {
  const { location = '' } = answer.headers;
  const next = location === '' ? null : URL.parse(location, from.href);
  if (next === null || !/^https?:$/.test(next.protocol))
    throw fetchFailed(from, `a redirect to ${quoted(location)}, which is no http or https URL`);
  if (from.protocol === 'https:' && next.protocol === 'http:')
    throw fetchFailed(from, `a redirect from https to http at ${quoted(next.host)}`);
  return next;
}

async function send({ url, headers, proxy, signal }: HttpCall): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const secure = url.protocol === 'https:';
  const sent: OutgoingHttpHeaders = { 'user-agent': 'lapidary', 'accept-encoding': 'gzip', ...headers };
  const options = { headers: sent, agent: await agentFor(secure, proxy), signal, timeout: IDLE_MS };
  const http = secure ? await import('node:https') : await import('node:http');
  const request = http.request(url, options, resolve);
  request.on('timeout', () => request.destroy(new Error(`nothing came for ${IDLE_MS / 1000} seconds`)));
  request.on('error', (error) => {
    reject(signal.aborted ? (signal.reason as Error) : unreachable(url, error));
  });
  request.end();
  return promise;
}

/** Faults that may be gone with the next try. */
export class Transient extends LapidaryError {}

function unreachable(url: URL, cause: unknown): LapidaryError {
  return new Transient(
    'FETCH_FAILED',
    `${quoted(redacted(url.href))} cannot be fetched: ${messageOf(cause)}`,
    {
      hint: 'check the URL, the network, and HTTP_PROXY, HTTPS_PROXY and NO_PROXY',
      cause,
    },
  );
}

export function fetchFailed(url: URL, reason: string, hint?: string): LapidaryError {
  return new LapidaryError(
    'FETCH_FAILED',
    `${quoted(redacted(url.href))} cannot be fetched: the server answered ${reason}`,
    { hint },
  );
}

const WORTH_ANOTHER_TRY: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** The error for an answer that is not what was asked for. */
export function badStatus(answer: IncomingMessage, url: URL): LapidaryError {
  const { statusCode = 0, statusMessage = '' } = answer;
  const reason = `${statusCode} ${statusMessage}`.trim();
  if (WORTH_ANOTHER_TRY.has(statusCode)) {
    const message = `${quoted(redacted(url.href))} cannot be fetched: the server answered ${reason}`;
    return new Transient('FETCH_FAILED', message, { hint: 'try again later' });
  }
  const denied = statusCode === 401 || statusCode === 403;
  return fetchFailed(
    url,
    reason,
    denied ? 'the server wants credentials, or does not accept them' : 'check the URL',
  );
}

/** The bytes of an answer; faults on the way are those of the network. */
export async function* bodyOf(
  answer: IncomingMessage,
  { url, signal }: { readonly url: URL; readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  try {
    yield* answer as AsyncIterable<Uint8Array>;
  } catch (cause) {
    signal.throwIfAborted();
    throw unreachable(url, cause);
  }
}

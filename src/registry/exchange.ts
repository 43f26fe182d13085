import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import { LapidaryError } from '../errors/index.ts';
import { connectionError, isUntrusted, timedOut } from './connection-error.ts';
import type { Connections, Lane } from './connections.ts';
import { StallWatch } from './stall-watch.ts';
import type { Timeouts } from './types.ts';

/** What is sent: bytes, or a source of which the size may be unknown. It is opened once per exchange. */
export type RequestBody = {
  readonly size: number | undefined;
  readonly open: () => AsyncIterable<Uint8Array>;
};

export type WireRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  readonly lane: Lane;
  /** A commit may take its time. */
  readonly commit?: boolean;
  /** The certificate of the host need not be trusted, for this request alone. */
  readonly unverified?: boolean;
  readonly signal?: AbortSignal | undefined;
};

export type Answer = {
  readonly method: string;
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end or destroyed, for it holds a connection. */
  readonly body: IncomingMessage;
};

/** Pieces in which a body is handed to the socket: how far it got is seen after each. */
const WRITE_SIZE = 256 * 1024;

/**
 * One request and the headers of its answer: no redirect is followed, nothing tried again.
 * @throws Fault when it may pass, RegistryError when not, what the body's source throws, the signal's reason
 */
export async function exchange(
  wire: WireRequest,
  io: { readonly connections: Connections; readonly timeouts: Timeouts },
): Promise<Answer> {
  wire.signal?.throwIfAborted();
  const secure = wire.url.protocol === 'https:';
  const wide = io.connections.isWide(wire.url);
  const agent = await io.connections.agent(wire.url, wire.lane, wire.unverified);
  const outgoing = (secure ? requestHttps : requestHttp)(wire.url, {
    method: wire.method,
    agent,
    headers: headersOf(wire),
    ...(wire.signal && { signal: wire.signal }),
  });
  const answered = answerOf(outgoing);
  using limits = new Limits(outgoing, wire, io.timeouts);
  try {
    await Promise.race([sendBody(outgoing, wire.body, limits.watch), answered]);
    const body = await answered;
    // Answered before all was sent: the rest never is, so that the connection is of no further use
    if (!outgoing.writableEnded) body.once('end', () => outgoing.destroy());
    return { method: wire.method, url: wire.url, status: body.statusCode ?? 0, headers: body.headers, body };
  } catch (error) {
    outgoing.destroy();
    wire.signal?.throwIfAborted();
    if (error instanceof SourceFailure) throw error.cause;
    if (isUntrusted(error) && !wide) {
      io.connections.widen(wire.url);
      return exchange(wire, io);
    }
    throw connectionError(limits.fault ?? error, wire, outgoing.reusedSocket && isClosed(error));
  }
}

function headersOf({ headers, body }: WireRequest): Record<string, string> {
  if (body === undefined) return { ...headers };
  return { ...headers, ...(body.size !== undefined && { 'content-length': String(body.size) }) };
}

/** Settles with the answer's headers, or the first error. */
function answerOf(outgoing: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  outgoing.once('response', resolve);
  // Stays on: a request that was answered early still fails later, when its body is cut off
  outgoing.on('error', reject);
  promise.catch(() => undefined);
  return promise;
}

/** What the caller's source threw, to tell it from trouble of the connection. */
class SourceFailure extends Error {}

async function sendBody(
  outgoing: ClientRequest,
  body: RequestBody | undefined,
  watch: StallWatch,
): Promise<void> {
  if (body === undefined) {
    outgoing.end();
    return;
  }
  const stop = new AbortController();
  for (const event of ['response', 'close'] as const) outgoing.once(event, () => stop.abort());
  const over = (): boolean => stop.signal.aborted;
  try {
    for await (const chunk of body.open()) {
      for (let at = 0; at < chunk.length && !over(); at += WRITE_SIZE) {
        if (!outgoing.write(chunk.subarray(at, at + WRITE_SIZE))) await watch.during(() => drained(outgoing));
        watch.moved(WRITE_SIZE);
      }
      if (over()) return;
    }
  } catch (error) {
    throw error instanceof LapidaryError || !over() ? new SourceFailure('', { cause: error }) : error;
  }
  outgoing.end();
}

function drained(outgoing: ClientRequest): Promise<void> {
  if (outgoing.destroyed) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ['drain', 'close', 'response'] as const;
  const done = (): void => {
    for (const event of events) outgoing.off(event, done);
    resolve();
  };
  for (const event of events) outgoing.on(event, done);
  return promise;
}

function isClosed(error: unknown): boolean {
  const { code } = Object(error) as { readonly code?: unknown };
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** Ends a request that takes too long to connect, to be sent or to be answered. */
class Limits implements Disposable {
  readonly watch: StallWatch;
  #timer: NodeJS.Timeout | undefined;
  /** Why the request was ended, if it was. */
  fault: Error | undefined;

  constructor(outgoing: ClientRequest, wire: WireRequest, timeouts: Timeouts) {
    const end = (reason: string): void => {
      this.fault = timedOut(wire, reason);
      outgoing.destroy(this.fault);
    };
    this.watch = new StallWatch(timeouts.idle, () => end('the registry takes no more data'));
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) return;
      this.#arm(timeouts.connect, () => end('connection timed out'));
      const event = wire.url.protocol === 'https:' ? 'secureConnect' : 'connect';
      socket.once(event, () => this.#disarm());
    });
    outgoing.once('finish', () => {
      const ms = wire.commit ? timeouts.commit : timeouts.answer;
      this.#arm(ms, () => end('the registry does not answer'));
    });
  }

  #arm(ms: number, run: () => void): void {
    this.#disarm();
    this.#timer = setTimeout(run, ms);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.#disarm();
    this.watch[Symbol.dispose]();
  }
}

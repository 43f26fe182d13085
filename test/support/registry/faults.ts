import { setTimeout as sleep } from 'node:timers/promises';
import { json } from './reply.ts';
import type { Exchange, Fault, Reply } from './types.ts';

const DRIP_MS = 5;

/** What is left of the faults of a registry. */
export class FaultPlan {
  readonly #faults: { readonly fault: Fault; seen: number }[] = [];

  add(...faults: readonly Fault[]): void {
    this.#faults.push(...faults.map((fault) => ({ fault, seen: 0 })));
  }

  /** The fault of this request, which counts as followed. */
  take(exchange: Exchange): Fault | undefined {
    for (const each of this.#faults) {
      const { fault } = each;
      if (!matches(fault, exchange)) continue;
      const { after = 0, times = 1 } = fault;
      if (each.seen >= after + times) continue;
      each.seen++;
      if (each.seen > after) return fault;
    }
    return undefined;
  }

  /** Faults that nothing ran into, or not as often as planned: a test with one of these has shown nothing. */
  get unused(): readonly Fault[] {
    return this.#faults
      .filter(({ fault: { after = 0, times = 1 }, seen }) =>
        times === Number.POSITIVE_INFINITY ? seen <= after : seen < after + times,
      )
      .map(({ fault }) => fault);
  }
}

function matches({ method, endpoint, path }: Fault, exchange: Exchange): boolean {
  return (
    (method === undefined || method === exchange.method) &&
    (endpoint === undefined || endpoint === exchange.route.endpoint) &&
    (path === undefined || exchange.url.pathname.includes(path))
  );
}

/** The answer of a fault that keeps the registry from doing anything. */
export function replyOf(fault: Fault | undefined, { url }: Exchange): Reply | undefined {
  if (fault?.do === 'redirect') {
    const Location = fault.to.replace('{path}', `${url.pathname}${url.search}`);
    return { status: fault.status ?? 307, headers: { Location, 'Content-Length': 0 } };
  }
  if (fault?.do !== 'status') return undefined;
  const { status, retryAfter } = fault;
  const code = status === 429 ? 'TOOMANYREQUESTS' : 'UNAVAILABLE';
  const headers = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) };
  return json({ errors: [{ code, message: `planned ${status}` }] }, { status, headers });
}

/** Headers of an answer as the fault has them. */
export function tamperHeaders(fault: Fault | undefined, { headers = {} }: Reply): Reply['headers'] {
  switch (fault?.do) {
    case 'digest-header':
      return { ...headers, 'Docker-Content-Digest': `sha256:${'0'.repeat(64)}` };
    case 'resize':
      return { ...headers, 'Content-Length': Number(headers['Content-Length']) + fault.by };
    case 'endless': {
      const { 'Content-Length': _, ...rest } = headers;
      return rest;
    }
    default:
      return headers;
  }
}

/** A body as the fault has it. One that ends by closing the connection throws `Cut`. */
export async function* tamperBody(
  fault: Fault | undefined,
  body: AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const keep = fault?.do === 'resize' && fault.by < 0 ? -fault.by : 0;
  const stop = stopOf(fault);
  let at = 0;
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of body) {
    const bytes = fault?.do === 'corrupt' ? flipped(chunk, fault.atByte - at) : chunk;
    at += bytes.length;
    if (at >= stop) {
      const kept = bytes.length - (at - stop);
      yield bytes.subarray(0, kept);
      if (fault?.do === 'cut') throw new Cut();
      if (fault?.do === 'drip') {
        for (const byte of bytes.subarray(kept)) yield await sleep(DRIP_MS, Buffer.of(byte), { signal });
      }
      // Ends when the client has had enough, by the signal.
      await sleep(2 ** 31 - 1, undefined, { signal });
    }
    held = keep > 0 ? Buffer.concat([held, bytes]) : bytes;
    if (held.length > keep) yield held.subarray(0, held.length - keep);
    held = held.subarray(held.length - keep);
  }
  if (fault?.do === 'resize' && fault.by > 0) yield Buffer.alloc(fault.by, 'x');
  if (fault?.do === 'endless') for (;;) yield Buffer.alloc(65_536, 'x');
}

function stopOf(fault: Fault | undefined): number {
  switch (fault?.do) {
    case 'cut':
    case 'stall-body':
    case 'drip':
      return fault.atByte;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

export class Cut extends Error {}

function flipped(chunk: Buffer, at: number): Buffer {
  if (at < 0 || at >= chunk.length) return chunk;
  const bytes = Buffer.from(chunk);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

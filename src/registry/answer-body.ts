import { connectionError, timedOut } from './connection-error.ts';
import type { Answer } from './exchange.ts';
import type { Fault } from './fault.ts';
import { protocolError } from './registry-error.ts';
import { StallWatch } from './stall-watch.ts';

const MOST_DISCARDED = 64 * 1024;

/**
 * The bytes of an answer while they come in. Stopping early closes the connection.
 * @throws Fault when the transfer breaks or stalls, the signal's reason
 */
export async function* streamBody(
  answer: Answer,
  { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal | undefined },
): AsyncGenerator<Uint8Array> {
  const { body } = answer;
  let stalled: Fault | undefined;
  using watch = new StallWatch(idleMs, () => {
    stalled = timedOut(answer, 'the transfer stalled');
    body.destroy(stalled);
  });
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    while (true) {
      const { done, value } = await watch.during(() => chunks.next());
      if (done) break;
      watch.moved(value.length);
      yield value;
    }
    // A connection that is closed before the end of a body of known length ends it without an error
    if (!body.complete) throw Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
  } catch (error) {
    signal?.throwIfAborted();
    throw connectionError(stalled ?? error, answer, false);
  } finally {
    if (!body.complete || !body.readableEnded) body.destroy();
  }
}

/** A whole body that must be small. @throws RegistryError REGISTRY_FAILED when it is not */
export async function readBody(
  answer: Answer,
  limits: { readonly maxBytes: number; readonly idleMs: number; readonly signal: AbortSignal | undefined },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of streamBody(answer, limits)) {
    size += chunk.length;
    if (size > limits.maxBytes) throw protocolError(answer, `with more than ${limits.maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/**
 * Reads over a body that nobody needs, so that its connection can be used again. One that is longer than any such body is
 * ends with its connection.
 */
export function discard({ body }: Pick<Answer, 'body'>): void {
  let left = MOST_DISCARDED;
  body.on('data', (chunk: Uint8Array) => {
    left -= chunk.length;
    if (left < 0) body.destroy();
  });
}

/** What an error's body says, as far as it comes at once. Never throws but for an abort. */
export async function readErrorBody(
  answer: Answer,
  { idleMs, signal }: { readonly idleMs: number; readonly signal: AbortSignal | undefined },
): Promise<Uint8Array> {
  try {
    return await readBody(answer, { maxBytes: 64 * 1024, idleMs: Math.min(idleMs, 10_000), signal });
  } catch {
    signal?.throwIfAborted();
    return new Uint8Array();
  }
}

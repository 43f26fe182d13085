import { createHash, type Hash } from 'node:crypto';
import { LapidaryError } from '../errors/index.ts';

/** Counts and digests what flows through it; read `digest()` once, after the end. */
export class Meter {
  readonly #hash: Hash = createHash('sha256');
  #size = 0;

  get size(): number {
    return this.#size;
  }

  digest(): string {
    return `sha256:${this.#hash.digest('hex')}`;
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  async *tap(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.update(chunk);
      yield chunk;
    }
  }
}

/** What bytes must turn out to be; `what` names them in errors: `blob sha256:…`. */
export type Expected = { readonly what: string; readonly digest: string; readonly size: number };

/**
 * Passes a source on and holds it against its promise: never a byte more than `size`, and an error at the end
 * when size or digest differ.
 * @throws LapidaryError STORE_CORRUPT
 */
export async function* verified(
  source: AsyncIterable<Uint8Array>,
  expected: Expected,
): AsyncGenerator<Uint8Array> {
  const meter = new Meter();
  for await (const chunk of source) {
    meter.update(chunk);
    if (meter.size > expected.size) throw corrupt(expected, `more than ${expected.size} bytes`);
    yield chunk;
  }
  if (meter.size !== expected.size) {
    throw corrupt(expected, `${meter.size} bytes instead of ${expected.size}`);
  }
  const digest = meter.digest();
  if (digest !== expected.digest) throw corrupt(expected, `the digest ${digest}, not ${expected.digest}`);
}

function corrupt(expected: Expected, has: string): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `${expected.what} in the local store has ${has}`, {
    hint: 'build again with --no-cache, or remove the store',
  });
}

import type { IncomingHttpHeaders } from 'node:http';
import type { RegistryEvent } from './types.ts';

/** Part of the quota below which it is told. */
const LITTLE = 0.2;

/**
 * Tells once when little of a quota is left. Docker Hub sends `ratelimit-limit: 100;w=21600` and
 * `ratelimit-remaining: 17;w=21600` with manifests.
 */
export class QuotaWatch {
  readonly #host: string;
  readonly #emit: (event: RegistryEvent) => void;
  #told = false;

  constructor(host: string, emit: (event: RegistryEvent) => void) {
    this.#host = host;
    this.#emit = emit;
  }

  look(headers: IncomingHttpHeaders): void {
    if (this.#told) return;
    const limit = countOf(headers['ratelimit-limit']);
    const remaining = countOf(headers['ratelimit-remaining']);
    if (limit === undefined || remaining === undefined || remaining > limit * LITTLE) return;
    this.#told = true;
    this.#emit({ type: 'quota', host: this.#host, remaining, limit });
  }
}

function countOf(header: string | string[] | undefined): number | undefined {
  const digits = /^\s*(\d{1,9})\s*(?:;|$)/.exec(typeof header === 'string' ? header : '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}

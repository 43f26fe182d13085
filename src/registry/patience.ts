import type { Fault } from './fault.ts';
import type { Clock, RegistryEvent } from './types.ts';

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** Connections that were found closed, in a row, before one is waited for like anything else. */
const FREE_TRIES = 10;

/**
 * How long to wait before try number `attempt` (from 0): doubles from half a second to half a minute, of which at
 * least half is waited and the rest is left to chance, so that many clients do not come back at once. What the
 * registry asks for is waited for in full.
 */
export function backoffMs(attempt: number, random: number, retryAfterMs: number | undefined): number {
  const step = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 16));
  const delay = Math.round(step * (0.5 + random / 2));
  return retryAfterMs === undefined ? delay : retryAfterMs + Math.round(delay / 4);
}

/**
 * `Retry-After` in milliseconds from `now`: seconds or an HTTP date; `undefined` for anything else.
 * https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value) * 1000;
  if (!/^[A-Z][a-z]{2,8},? /.test(value)) return undefined;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

export type PatienceParts = {
  readonly clock: Clock;
  readonly emit: (event: RegistryEvent) => void;
  /** Milliseconds without getting any further, after which it is given up. Asked for at every fault. */
  readonly limitMs: () => number;
  readonly host: string;
  /** `GET /v2/app/manifests/1` */
  readonly what: string;
};

/** The waiting between the tries of one undertaking. Its limit is in time: it ends when nothing got further for long. */
export class Patience {
  readonly #parts: PatienceParts;
  #since: number | undefined;
  #attempt = 0;
  #furthest = 0;
  #stale = 0;

  constructor(parts: PatienceParts) {
    this.#parts = parts;
  }

  /**
   * A transfer got to this offset. If it is further than ever, faults from now on have all the time again: one that
   * begins anew again and again ends all the same.
   */
  reached(offset: number): void {
    if (offset <= this.#furthest) return;
    this.#furthest = offset;
    this.#since = undefined;
    this.#attempt = 0;
    this.#stale = 0;
  }

  /** Waits until it is time to try again. @throws what the fault stands for, when there is no time left. */
  async wait(fault: Fault, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (fault.stale && this.#stale++ < FREE_TRIES) return;
    const { clock, emit, limitMs, host, what } = this.#parts;
    const now = clock.now();
    this.#since ??= now;
    const delayMs = backoffMs(this.#attempt, clock.random(), fault.retryAfterMs);
    this.#attempt += 1;
    if (now + delayMs - this.#since > limitMs()) throw fault.error;
    emit({ type: 'wait', host, what, reason: fault.message, delayMs });
    await clock.sleep(delayMs, signal);
  }
}

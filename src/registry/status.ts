import type { Answer } from './exchange.ts';
import { Fault } from './fault.ts';
import { parseRetryAfter } from './patience.ts';
import type { RegistryError } from './registry-error.ts';

const PASSING = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

/** Whether an answer of this status may be another one later. */
export function isPassing(status: number): boolean {
  return PASSING.has(status);
}

/** The fault that an answer stands for. */
export function statusFault(
  { status, headers }: Pick<Answer, 'status' | 'headers'>,
  error: RegistryError,
  now: number,
): Fault {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], now);
  return new Fault(`status ${status}`, { error, retryAfterMs });
}

/** What a registry wants to see. Several headers of this name come joined by Node. */
export function challengeOf({ headers }: Pick<Answer, 'headers'>): string | undefined {
  return headers['www-authenticate'];
}

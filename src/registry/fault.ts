import type { RegistryError } from './registry-error.ts';

/** Something that may pass: it is worth trying again. */
export class Fault extends Error {
  override readonly name = 'Fault';
  /** What to throw when there is no time left to try again. */
  readonly error: RegistryError;
  /** How long the registry asks to wait. */
  readonly retryAfterMs: number | undefined;
  /** A connection that was kept open had been closed by the other side meanwhile: it costs nothing to try at once. */
  readonly stale: boolean;
  /** What was done so far is lost. */
  readonly restart: boolean;

  constructor(
    reason: string,
    details: {
      readonly error: RegistryError;
      readonly retryAfterMs?: number | undefined;
      readonly stale?: boolean;
      readonly restart?: boolean;
    },
  ) {
    super(reason, { cause: details.error });
    this.error = details.error;
    this.retryAfterMs = details.retryAfterMs;
    this.stale = details.stale ?? false;
    this.restart = details.restart ?? false;
  }
}

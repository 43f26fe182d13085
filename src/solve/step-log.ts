import { LapidaryError, SourceError } from '../errors/index.ts';
import type { StepOp, StepOrigin } from '../plan/index.ts';
import type { EventSink, StepInfo } from './events.ts';

/** Milliseconds of a clock that never goes back. */
export type Clock = { monotonicMs(): number; wallMs(): number };

/** Numbers the steps and tells their begin and end. */
export class StepLog {
  readonly #events: EventSink;
  readonly #clock: Clock;
  readonly #totals: ReadonlyMap<string, number>;
  #last = 0;
  #hits = 0;
  #runs = 0;

  /** `totals` gives the number of steps of each stage. */
  constructor(events: EventSink, clock: Clock, totals: ReadonlyMap<string, number>) {
    this.#events = events;
    this.#clock = clock;
    this.#totals = totals;
  }

  get counts(): { readonly hits: number; readonly runs: number } {
    return { hits: this.#hits, runs: this.#runs };
  }

  start(op: StepOp): OpenStep {
    this.#last += 1;
    const step = stepInfo(this.#last, op.origin, this.#totals.get(op.origin.stage) ?? op.origin.position);
    const began = this.#clock.monotonicMs();
    this.#events.emit({ type: 'step-start', step });
    return {
      id: step.id,
      end: (result) => {
        if (result === 'hit') this.#hits += 1;
        if (result === 'done') this.#runs += 1;
        const ms = Math.round(this.#clock.monotonicMs() - began);
        this.#events.emit({ type: 'step-end', id: step.id, result, ms });
      },
    };
  }
}

export type OpenStep = {
  readonly id: number;
  end(result: 'hit' | 'done' | 'failed' | 'cancelled'): void;
};

function stepInfo(id: number, origin: StepOrigin, of: number): StepInfo {
  const { stage, position, title, at, platform } = origin;
  return { id, stage, position, of, title, ...(platform === undefined ? {} : { platform }), at };
}

/** An error of a step points at its instruction unless it already points at something better. */
export function locateError(error: unknown, { at }: Pick<StepOrigin, 'at'>): unknown {
  if (!(error instanceof LapidaryError) || error instanceof SourceError) return error;
  const { hint, notes, cause } = error;
  return new SourceError(error.code, error.message, at, { hint, notes, cause });
}

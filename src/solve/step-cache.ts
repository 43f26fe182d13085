import type { StepKey, StepOp } from '../plan/index.ts';
import type { LayerId } from '../tree/index.ts';
import type { FactStore, LayerStore } from './ports/index.ts';
import type { Semaphore } from './semaphore.ts';
import { onTop, type Solved } from './solved.ts';
import { locateError, type StepLog } from './step-log.ts';
import { readStepRecord, type StepRecord, writeStepRecord } from './step-record.ts';

/** How a step is found or made. `result` is the key of what is on top of it then, where that is not the layer's own. */
export type StepPlan = {
  readonly key: StepKey;
  readonly result?: StepKey;
  readonly make: (id: number) => Promise<LayerId | undefined>;
};

export type StepCachePorts = {
  readonly facts: FactStore;
  readonly layers: LayerStore;
  readonly log: StepLog;
  /** How many steps are made at once. */
  readonly places: Semaphore;
  /** Seconds since 1970. */
  readonly now: () => number;
  /** Whether a step is made even where it is known. */
  readonly isAnew: (op: StepOp) => boolean;
  readonly signal: AbortSignal;
};

/** Steps by key: found in the store, or made once and remembered there. Tells each in the log. */
export class StepCache {
  readonly #ports: StepCachePorts;
  /** Steps of this build: equal ones in several stages are made once. */
  readonly #made = new Map<StepKey, Promise<StepRecord>>();

  constructor(ports: StepCachePorts) {
    this.#ports = ports;
  }

  /** @throws SourceError for a step that fails, at its instruction */
  async take(op: StepOp, base: Solved, { key, result = key, make }: StepPlan): Promise<Solved> {
    const { facts, layers, log, isAnew } = this.#ports;
    const known = isAnew(op) ? undefined : await readStepRecord(facts, layers, key);
    if (known) {
      log.start(op).end('hit');
      return onTop(base, result, known);
    }
    const twin = this.#made.get(key);
    const making = twin ?? this.#make(op, key, make);
    this.#made.set(key, making);
    const record = await making;
    if (twin !== undefined) log.start(op).end('hit');
    return onTop(base, result, record);
  }

  /** What is done before a step has a key: when that fails the step fails. */
  async prepare<T>(op: StepOp, work: () => Promise<T>): Promise<T> {
    const { log, signal } = this.#ports;
    try {
      return await work();
    } catch (error) {
      log.start(op).end(signal.aborted ? 'cancelled' : 'failed');
      throw locateError(error, op.origin);
    }
  }

  #make(op: StepOp, key: StepKey, make: StepPlan['make']): Promise<StepRecord> {
    const { facts, log, places, signal, now } = this.#ports;
    return places.run(async () => {
      signal.throwIfAborted();
      const step = log.start(op);
      try {
        const layer = await make(step.id);
        const record = { layer, created: new Date(now() * 1000).toISOString() };
        await writeStepRecord(facts, key, record);
        step.end('done');
        return record;
      } catch (error) {
        step.end(signal.aborted ? 'cancelled' : 'failed');
        throw locateError(error, op.origin);
      }
    });
  }
}

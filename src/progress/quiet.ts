import type { BuildEvent } from '../solve/index.ts';
import { StepLog } from './step-log.ts';
import type { Clock, Renderer, Writer } from './types.ts';

/** Says nothing but the last output of a step that failed. */
export class QuietRenderer implements Renderer {
  readonly #writer: Writer;
  readonly #clock: Clock;
  readonly #steps = new Map<number, StepLog>();

  constructor(writer: Writer, clock: Clock) {
    this.#writer = writer;
    this.#clock = clock;
  }

  emit(event: BuildEvent): void {
    if (event.type === 'step-start') {
      this.#steps.set(event.step.id, new StepLog(event.step, this.#clock.now()));
    } else if (event.type === 'step-output') {
      this.#steps.get(event.id)?.push(event.stream, event.data);
    } else if (event.type === 'step-end') {
      const log = this.#steps.get(event.id);
      this.#steps.delete(event.id);
      log?.end();
      const lines = event.result === 'failed' ? (log?.failure() ?? []) : [];
      if (lines.length > 0) this.#writer.write(`${lines.join('\n')}\n`);
    }
  }

  [Symbol.dispose](): void {
    this.#steps.clear();
  }
}

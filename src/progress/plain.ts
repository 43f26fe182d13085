import type { BuildEvent } from '../solve/index.ts';
import { describe, warningLines } from './describe.ts';
import { StepLog } from './step-log.ts';
import { seconds } from './text.ts';
import type { Clock, Renderer, Writer } from './types.ts';

/** Lines in the manner of BuildKit's plain progress: every line names its step by number. */
export class PlainRenderer implements Renderer {
  readonly #writer: Writer;
  readonly #clock: Clock;
  readonly #steps = new Map<number, { readonly number: number; readonly log: StepLog }>();
  readonly #exports = new Map<string, number>();
  readonly #failures: string[] = [];
  #numbers = 0;
  /** Number of the last line written; a blank line parts it from another's. */
  #current = 0;
  #closed = false;

  constructor(writer: Writer, clock: Clock) {
    this.#writer = writer;
    this.#clock = clock;
  }

  emit(event: BuildEvent): void {
    if (this.#closed) return;
    switch (event.type) {
      case 'step-start':
      case 'step-output':
      case 'step-end':
        return this.#step(event);
      case 'export-start':
        this.#exports.set(event.output, ++this.#numbers);
        return this.#lines(this.#numbers, [describe(event)]);
      case 'export-end':
        return this.#lines(this.#exports.get(event.output) ?? ++this.#numbers, [
          describe(event),
          `DONE ${seconds(event.ms)}`,
        ]);
      case 'warning':
        return this.#lines(++this.#numbers, warningLines(event));
      case 'phase':
      case 'image':
      case 'stage-skipped':
      case 'tagged':
        return this.#lines(++this.#numbers, [describe(event)]);
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    for (const { number, log } of this.#steps.values()) this.#output(number, log, log.end());
    if (this.#failures.length > 0) this.#writer.write(`${this.#failures.join('\n')}\n`);
    this.#closed = true;
  }

  #step(event: Extract<BuildEvent, { type: 'step-start' | 'step-output' | 'step-end' }>): void {
    if (event.type === 'step-start') {
      const log = new StepLog(event.step, this.#clock.now());
      const number = ++this.#numbers;
      this.#steps.set(event.step.id, { number, log });
      return this.#lines(number, [log.name]);
    }
    const step = this.#steps.get(event.id);
    if (step === undefined) return;
    if (event.type === 'step-output') {
      return this.#output(step.number, step.log, step.log.push(event.stream, event.data));
    }
    this.#steps.delete(event.id);
    this.#output(step.number, step.log, step.log.end());
    if (event.result === 'failed') this.#failures.push(...step.log.failure());
    this.#lines(step.number, [outcome(event)]);
  }

  #output(number: number, log: StepLog, lines: readonly string[]): void {
    const at = ((this.#clock.now() - log.startedAt) / 1000).toFixed(2);
    this.#lines(
      number,
      lines.map((line) => `${at} ${line}`),
    );
  }

  #lines(number: number, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const gap = this.#current !== 0 && this.#current !== number ? '\n' : '';
    this.#current = number;
    this.#writer.write(`${gap}${lines.map((line) => `#${number} ${line}\n`).join('')}`);
  }
}

function outcome({ result, ms }: Extract<BuildEvent, { type: 'step-end' }>): string {
  switch (result) {
    case 'hit':
      return 'CACHED';
    case 'done':
      return `DONE ${seconds(ms)}`;
    case 'failed':
      return `ERROR ${seconds(ms)}`;
    case 'cancelled':
      return 'CANCELED';
  }
}

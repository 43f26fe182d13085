import type { StepInfo } from '../solve/index.ts';
import { LineReader } from './line-reader.ts';
import { oneLine } from './text.ts';

/** How many of a step's last lines are shown again when it failed. */
const KEPT_LINES = 20;

/** `[build 2/4] RUN shards install`, safe to print. */
export function stepName(step: StepInfo): string {
  return oneLine(`[${step.stage} ${step.position}/${step.of}] ${step.title}`);
}

/** What is known of a step that runs. */
export class StepLog {
  readonly name: string;
  readonly startedAt: number;
  readonly #readers = { stdout: new LineReader(), stderr: new LineReader() };
  #last: string[] = [];

  constructor(step: StepInfo, startedAt: number) {
    this.name = stepName(step);
    this.startedAt = startedAt;
  }

  /** The lines completed by a chunk of output. */
  push(stream: 'stdout' | 'stderr', data: Uint8Array): string[] {
    return this.#keep(this.#readers[stream].push(data));
  }

  /** The lines that never got their line feed. */
  end(): string[] {
    return this.#keep([...this.#readers.stdout.end(), ...this.#readers.stderr.end()]);
  }

  /** The last lines, oldest first, the unfinished ones included. */
  tail(count: number): string[] {
    const pending = [this.#readers.stdout.pending(), this.#readers.stderr.pending()];
    return [...this.#last, ...pending.filter((line) => line !== '')].slice(-count);
  }

  /** What to show once more of a step that failed. Call after `end`. */
  failure(): string[] {
    if (this.#last.length === 0) return [];
    return ['------', ` > ${this.name}:`, ...this.#last, '------'];
  }

  #keep(lines: string[]): string[] {
    if (lines.length > 0) this.#last = [...this.#last, ...lines.slice(-KEPT_LINES)].slice(-KEPT_LINES);
    return lines;
  }
}

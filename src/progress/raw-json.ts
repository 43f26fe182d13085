import { positionOf, type SourceRange } from '../errors/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import type { Clock, Renderer, Writer } from './types.ts';

/**
 * One JSON object a line: the event with `time` (ISO 8601) in front. Output is `data` in base64, as it came; a place in a
 * Dockerfile is `{ file, line, column }`, both from 1.
 */
export class RawJsonRenderer implements Renderer {
  readonly #writer: Writer;
  readonly #clock: Clock;
  #closed = false;

  constructor(writer: Writer, clock: Clock) {
    this.#writer = writer;
    this.#clock = clock;
  }

  emit(event: BuildEvent): void {
    if (this.#closed) return;
    const time = new Date(this.#clock.now()).toISOString();
    this.#writer.write(`${JSON.stringify({ time, ...plainData(event) })}\n`);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
  }
}

function plainData(event: BuildEvent): object {
  switch (event.type) {
    case 'step-start':
      return { ...event, step: { ...event.step, at: place(event.step.at) } };
    case 'step-output':
      return { ...event, data: Buffer.from(event.data).toString('base64') };
    case 'warning':
      return { ...event, at: place(event.at) };
    default:
      return event;
  }
}

function place(at: SourceRange | undefined): object | undefined {
  return at && { file: at.source.name, ...positionOf(at) };
}

import { TextDecoder } from 'node:util';
import { positionOf, type SourceRange } from '../errors/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import { escapeJson } from './text.ts';
import type { Renderer, Screen } from './types.ts';

/**
 * One JSON object a line: the events as they are, but output as text, and places in a source as
 * `{name, line, column, start, end}`. Characters that a terminal would act upon are escaped.
 */
export class RawJsonRenderer implements Renderer {
  readonly #write: Screen['write'];
  readonly #decoders = new Map<string, TextDecoder>();

  constructor({ write }: Pick<Screen, 'write'>) {
    this.#write = write;
  }

  readonly onEvent = (event: BuildEvent): void => {
    this.#write(`${escapeJson(JSON.stringify(this.#plain(event)))}\n`);
    if (event.type !== 'step-end') return;
    for (const stream of ['stdout', 'stderr']) this.#decoders.delete(`${event.id} ${stream}`);
  };

  readonly close = (): void => this.#decoders.clear();

  #plain(event: BuildEvent): object {
    switch (event.type) {
      case 'step-output':
        return { ...event, data: this.#text(`${event.id} ${event.stream}`, event.data) };
      case 'step-start':
        return { ...event, step: { ...event.step, at: place(event.step.at) } };
      case 'warning':
        return { ...event, at: place(event.at) };
      default:
        return event;
    }
  }

  /** Characters whose bytes come in two pieces stay whole. */
  #text(key: string, data: Uint8Array): string {
    const decoder = this.#decoders.get(key) ?? new TextDecoder();
    this.#decoders.set(key, decoder);
    return decoder.decode(data, { stream: true });
  }
}

function place(at: SourceRange | undefined): object | undefined {
  return at && { name: at.source.name, ...positionOf(at), ...at.span };
}

import { TextDecoder } from 'node:util';
import { cleanLine } from './text.ts';

/** A line that does not end is printed in pieces of this many characters. */
const MAX_LINE = 16_384;

/** The output of one step as lines that are safe to print. */
export class StepLines {
  readonly #streams = new Map<string, { readonly decoder: TextDecoder; rest: string }>();

  /** @returns the lines that are complete now */
  push(stream: string, data: Uint8Array): string[] {
    const state = this.#streams.get(stream) ?? { decoder: new TextDecoder(), rest: '' };
    this.#streams.set(stream, state);
    const lines = (state.rest + state.decoder.decode(data, { stream: true })).split('\n');
    state.rest = lines.pop() ?? '';
    if (state.rest.length > MAX_LINE) {
      lines.push(state.rest);
      state.rest = '';
    }
    return lines.map(visible);
  }

  /** @returns what was left without a line end */
  finish(): string[] {
    const rests = [...this.#streams.values()].map(({ decoder, rest }) => rest + decoder.decode());
    this.#streams.clear();
    return rests.filter((rest) => rest !== '').map(visible);
  }
}

/** Programs redraw a line after a carriage return: only its last form counts. */
function visible(line: string): string {
  const text = line.replace(/\r+$/, '');
  return cleanLine(text.slice(text.lastIndexOf('\r') + 1));
}

import { cleanLine } from './text.ts';

/** Longest unfinished line that is kept; a longer one is broken here. */
const MAX_LINE = 8192;

/** Turns chunks of bytes into clean lines. Invalid UTF-8 becomes U+FFFD; characters may span chunks. */
export class LineReader {
  readonly #decoder = new TextDecoder();
  #partial = '';

  /** The lines that this chunk completes. */
  push(data: Uint8Array): string[] {
    return this.#take(this.#decoder.decode(data, { stream: true }));
  }

  /** What is left when the output has ended. */
  end(): string[] {
    const lines = this.#take(this.#decoder.decode());
    const rest = this.pending();
    this.#partial = '';
    return rest === '' ? lines : [...lines, rest];
  }

  /** The unfinished last line as it would look now. */
  pending(): string {
    return cleanLine(this.#partial);
  }

  #take(text: string): string[] {
    const lines = text.split('\n');
    lines[0] = this.#partial + (lines[0] ?? '');
    const last = lines.pop() ?? '';
    // only what follows the last carriage return can still be seen; a final one may belong to a line feed
    this.#partial = last.slice(last.lastIndexOf('\r', last.length - 2) + 1);
    const broken: string[] = [];
    while (this.#partial.length > MAX_LINE) {
      broken.push(this.#partial.slice(0, MAX_LINE));
      this.#partial = this.#partial.slice(MAX_LINE);
    }
    return [...lines, ...broken].map(cleanLine);
  }
}

import type { Source, Span } from '../errors/index.ts';

/**
 * One instruction's text with its continuation lines joined. `text[i]` stands at `offsets[i]` of the source, so that
 * every token can say where it is; `offsets` has one more element, for the end.
 */
export type LogicalLine = {
  readonly text: string;
  readonly offsets: Uint32Array;
  /** Index of the physical line after the last one that was joined. */
  readonly next: number;
  /** Start of an empty line in the middle, which is allowed but deprecated. */
  readonly emptyAt?: number;
};

/** The physical lines of a source, without their ends. */
export class SourceLines {
  readonly source: Source;
  readonly #starts: number[];

  constructor(source: Source) {
    this.source = source;
    const { text } = source;
    // A byte order mark is no part of the first line
    this.#starts = [text.startsWith('\uFEFF') ? 1 : 0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  get count(): number {
    return this.#starts.length;
  }

  start(line: number): number {
    return this.#starts[line] ?? this.source.text.length;
  }

  /** Without the line end; carriage returns before it count as part of the end. */
  text(line: number): string {
    const { text } = this.source;
    const end = line + 1 < this.#starts.length ? this.start(line + 1) - 1 : text.length;
    let stop = end;
    while (stop > this.start(line) && text[stop - 1] === '\r') stop -= 1;
    return text.slice(this.start(line), stop);
  }

  /** The line end as written; empty at the end of the source. */
  ending(line: number): string {
    const from = this.start(line) + this.text(line).length;
    return this.source.text.slice(from, this.start(line + 1));
  }

  span(line: number): Span {
    return { start: this.start(line), end: this.start(line) + this.text(line).length };
  }
}

/** White space as Go has it: a byte order mark is none, U+0085 is. */
const COMMENT = /^(?:[^\S\ufeff]|\u0085)*#/;
const EMPTY = /^(?:[^\S\ufeff]|\u0085)*$/;
const LEADING = /^(?:[^\S\ufeff]|\u0085)+/;
const TRAILING = /(?<![^\S\ufeff]|\u0085)(?:[^\S\ufeff]|\u0085)+$/;

/** Without the white space around it. */
export function trimSpace(text: string): string {
  return text.replace(LEADING, '').replace(TRAILING, '');
}

export function isComment(text: string): boolean {
  return COMMENT.test(text);
}

export function isEmpty(text: string): boolean {
  return EMPTY.test(text);
}

/**
 * Joins a line with those it continues on. Comment lines in between vanish; so do empty ones. White space before
 * the first and after the last character is dropped.
 * Source: Dockerfile reference, "Format" and "escape".
 */
export function joinLine(lines: SourceLines, first: number, escape: string): LogicalLine {
  const pieces: { text: string; at: number }[] = [];
  let line = first;
  let emptyAt: number | undefined;
  for (; line < lines.count; line++) {
    const text = lines.text(line);
    if (line > first && isComment(text)) continue;
    if (line > first && isEmpty(text)) {
      // What follows the last line end is no line
      if (lines.start(line) < lines.source.text.length) emptyAt ??= lines.start(line);
      continue;
    }
    const end = continuation(text, escape);
    pieces.push({ text: end < 0 ? text : text.slice(0, end), at: lines.start(line) });
    if (end < 0) {
      line += 1;
      break;
    }
  }
  return { ...assemble(pieces), next: line, ...(emptyAt === undefined ? {} : { emptyAt }) };
}

/**
 * Where the escape character that continues a line stands; -1 when the line ends here. Two of them are no continuation.
 */
function continuation(text: string, escape: string): number {
  let last = text.length - 1;
  while (text[last] === ' ' || text[last] === '\t') last -= 1;
  return text[last] === escape && text[last - 1] !== escape ? last : -1;
}

function assemble(pieces: readonly { text: string; at: number }[]): { text: string; offsets: Uint32Array } {
  const joined = pieces.map((piece) => piece.text).join('');
  const offsets = new Uint32Array(joined.length + 1);
  let at = 0;
  for (const piece of pieces) {
    for (let i = 0; i < piece.text.length; i++) offsets[at++] = piece.at + i;
  }
  const last = pieces.at(-1);
  offsets[joined.length] = last === undefined ? 0 : last.at + last.text.length;
  const start = joined.length - joined.replace(LEADING, '').length;
  const end = joined.replace(TRAILING, '').length;
  return { text: joined.slice(start, end), offsets: offsets.subarray(start, Math.max(start, end) + 1) };
}

/** The place in the source of a range of a logical line. */
export function spanOf(line: LogicalLine, start: number, end: number): Span {
  // An end is taken from the last character: what follows it may stand on another line
  const to = end > 0 ? (line.offsets[end - 1] ?? 0) + 1 : (line.offsets[0] ?? 0);
  return { start: end > start ? (line.offsets[start] ?? to) : to, end: to };
}

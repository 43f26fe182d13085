import type { ErrorCode } from './codes.ts';
import { type ErrorDetails, LapidaryError, printable } from './lapidary-error.ts';

/** Half-open range of UTF-16 offsets; line and column are computed only when printing. */
export type Span = { readonly start: number; readonly end: number };
/** A text that errors can point into, with the name to print for it. */
export type Source = { readonly name: string; readonly text: string };
/** A place in a source. */
export type SourceRange = { readonly source: Source; readonly span: Span };

/** A LapidaryError that can point at the text that caused it. */
export class SourceError extends LapidaryError {
  override readonly name: string = 'SourceError';
  readonly at: SourceRange;

  constructor(code: ErrorCode, message: string, at: SourceRange, details: ErrorDetails = {}) {
    super(code, message, details);
    this.at = at;
  }

  override render(): string {
    return [
      `error[${this.code}]: ${printable(this.message)}`,
      ...frameLines(this.at),
      ...this.notes.map((note) => `  ${printable(note)}`),
      ...(this.hint === undefined ? [] : [`  = hint: ${printable(this.hint)}`]),
    ].join('\n');
  }
}

/** Several source errors found in one pass, reported together. `errors` has at least two. */
export class SourceErrors extends LapidaryError {
  override readonly name: string = 'SourceErrors';
  readonly errors: readonly SourceError[];

  constructor(errors: readonly SourceError[]) {
    super(errors[0]?.code ?? 'DOCKERFILE_SYNTAX', `${errors.length} errors`);
    this.errors = errors;
  }

  override render(): string {
    return this.errors.map((error) => error.render()).join('\n\n');
  }
}

/** After so many errors nobody reads on. */
const MAX_ERRORS = 100;

/** Throws errors in the order of the text: one as it is, several together, at most a hundred; none is fine. */
export function throwSourceErrors(errors: readonly SourceError[]): void {
  const inOrder = errors.toSorted((a, b) => a.at.span.start - b.at.span.start).slice(0, MAX_ERRORS);
  const [first, second] = inOrder;
  if (second !== undefined) throw new SourceErrors(inOrder);
  if (first !== undefined) throw first;
}

/** Line and column, both from 1, of the start of a span. Columns count UTF-16 units. */
export function positionOf({ source, span }: SourceRange): {
  readonly line: number;
  readonly column: number;
} {
  const before = source.text.slice(0, span.start).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/** The first and the last line of a span, both from 1. */
export function linesOf({ source, span }: SourceRange): { readonly start: number; readonly end: number } {
  const last = { source, span: { start: Math.max(span.start, span.end - 1), end: span.end } };
  return { start: positionOf({ source, span }).line, end: positionOf(last).line };
}

/**
 * The code frame below an error message: file, line, column, the line itself and carets.
 * A span over several lines is underlined on its first line only.
 */
export function frameLines(at: SourceRange): string[] {
  const { source, span } = at;
  const { line, column } = positionOf(at);
  const lead = source.text.slice(span.start - (column - 1), span.start);
  const [text = ''] = (lead + source.text.slice(span.start)).split(/\r?\n/, 1);
  const width = Math.max(1, Math.min(span.end - span.start, text.length - lead.length));
  const gutter = ' '.repeat(String(line).length);
  return [
    `${gutter}--> ${printable(source.name)}:${line}:${column}`,
    `${line} | ${printable(text)}`,
    `${gutter} | ${printable(lead).replace(/[^\t]/g, ' ')}${'^'.repeat(width)}`, // tabs kept so carets line up
  ];
}

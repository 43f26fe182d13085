import type { ErrorCode } from './codes.ts';

/** What else an error may carry. `cause` is printed under `--verbose`, indented. */
export type ErrorDetails = {
  /** The next thing to do, as a short imperative or question: `did you mean --from?`. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Further lines printed below the message as they are, such as the last output of a step. */
  readonly notes?: readonly string[] | undefined;
  /** Of the command that failed. */
  readonly exitCode?: number | undefined;
};

/**
 * An error the user can act on: what failed, on which quoted input, what was expected.
 * Anything else that is thrown is a bug and is printed as one.
 */
export class LapidaryError extends Error {
  override readonly name: string = 'LapidaryError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly notes: readonly string[];
  readonly exitCode: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.notes = details.notes ?? [];
    this.exitCode = details.exitCode;
  }

  /** Plain text without colour: message, notes and hint, safe to print. */
  render(): string {
    return [
      `error[${this.code}]: ${printable(this.message)}`,
      ...this.notes.map((note) => `  ${printable(note)}`),
      ...(this.hint === undefined ? [] : [`  hint: ${printable(this.hint)}`]),
    ].join('\n');
  }
}

/**
 * Text from outside made safe to print: control characters (C0 but tab and newline, DEL, C1) and the
 * characters that reorder text (bidirectional overrides) become `\u{hex}` escapes.
 */
export function printable(text: string): string {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Quotes an input for a message: JSON string syntax, cut to 200 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import {
  type ErrorCode,
  type ErrorDetails,
  quoted,
  type Source,
  SourceError,
  type Span,
} from '../errors/index.ts';
import type { LogicalLine, SourceLines } from './lines.ts';
import type { Dockerfile, Heredoc, Word } from './types.ts';

export type Warning = Dockerfile['warnings'][number];

/** What the parsers of single instructions share. */
export type ParseContext = {
  readonly source: Source;
  readonly escape: '\\' | '`';
  readonly lines: SourceLines;
  readonly warn: (warning: Warning) => void;
  /** For errors after which the parser can go on. */
  readonly report: (error: SourceError) => void;
  readonly error: (code: ErrorCode, message: string, span: Span, details?: ErrorDetails) => SourceError;
};

/** Taken for an argument where a person surely meant a comment. */
export function warnComment(words: readonly Word[], what: string, { warn }: ParseContext): void {
  const comment = words.find((word) => word.text.startsWith('#'));
  if (comment === undefined) return;
  const message = `${what} takes ${quoted(comment.text)} for an argument, not for a comment`;
  warn({ rule: 'CommentAsArgument', message, span: comment.span, hint: COMMENT_HINT });
}

export const COMMENT_HINT = 'a comment needs a line of its own';

/** An instruction as it lies before its own parser. */
export type RawInstruction = {
  readonly line: LogicalLine;
  readonly keyword: Word;
  /** Index in `line.text` where the arguments begin. */
  readonly argumentsAt: number;
  readonly heredocs: readonly Heredoc[];
  /** The whole instruction, here-documents included. */
  readonly span: Span;
};

export function parseContext(
  lines: SourceLines,
  escape: '\\' | '`',
  { warn, report }: Pick<ParseContext, 'warn' | 'report'>,
): ParseContext {
  const { source } = lines;
  const error: ParseContext['error'] = (code, message, span, details) =>
    new SourceError(code, message, { source, span }, details);
  return { source, escape, lines, warn, report, error };
}

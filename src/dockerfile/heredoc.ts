import { quoted, type SourceError, type Span } from '../errors/index.ts';
import { type HeredocMark, heredocMarks, heredocOf } from './heredoc-marks.ts';
import { type LogicalLine, type SourceLines, spanOf } from './lines.ts';
import type { ParseContext } from './parse-context.ts';
import { Cursor, transferWords } from './tokens.ts';
import type { Heredoc } from './types.ts';

const KINDS = /^(?:onbuild\s+)?(run|copy|add)\s/i;

/** The marks of an instruction that may have here-documents, with the places where they stand. */
function marksOf(
  line: LogicalLine,
  context: ParseContext,
): { readonly mark: HeredocMark; readonly span: Span }[] {
  const kind = KINDS.exec(line.text);
  if (kind === null || !line.text.includes('<<')) return [];
  const from = kind[0].length;
  if (kind[1]?.toLowerCase() === 'run') {
    const marks = heredocMarks(line.text.slice(from));
    return marks.map((mark) => ({ mark, span: spanOf(line, from + mark.start, from + mark.end) }));
  }
  const cursor = new Cursor(line, context.escape, from);
  return transferWords(cursor).flatMap(({ text, span }) => {
    const mark = heredocOf(text);
    return mark === undefined ? [] : [{ mark, span }];
  });
}

/** The bodies that follow a line, one after the other. One that does not end is reported and takes the rest of the file. */
export function readHeredocs(
  line: LogicalLine,
  context: ParseContext,
): { readonly heredocs: Heredoc[]; readonly next: number } {
  const { lines } = context;
  const heredocs: Heredoc[] = [];
  let { next } = line;
  for (const { mark, span } of marksOf(line, context)) {
    const { name, fd, chomp, expand } = mark;
    const { body, end, closed } = readBody(mark, next, lines);
    if (!closed) context.report(notClosed(mark, span, context));
    const whole = { start: lines.start(next), end: lines.span(Math.max(next, end - 1)).end };
    heredocs.push({ name, fd, chomp, expand, body, span: whole });
    next = end;
    if (!closed) break;
  }
  return { heredocs, next };
}

/** Line ends stay as they are written. */
function readBody(
  mark: HeredocMark,
  first: number,
  lines: SourceLines,
): { readonly body: string; readonly end: number; readonly closed: boolean } {
  const body: string[] = [];
  for (let at = first; at < lines.count; at++) {
    const text = mark.chomp ? lines.text(at).replace(/^\t+/, '') : lines.text(at);
    if (text === mark.name) return { body: body.join(''), end: at + 1, closed: true };
    body.push(text, lines.ending(at));
  }
  return { body: body.join(''), end: lines.count, closed: false };
}

function notClosed({ name }: HeredocMark, span: Span, { error }: ParseContext): SourceError {
  return error('DOCKERFILE_SYNTAX', `the here-document ${quoted(name)} does not end`, span, {
    hint: `put a line with only ${name.slice(0, 80)} behind it`,
  });
}

import type { SourceError } from '../errors/index.ts';
import { type LogicalLine, type SourceLines, spanOf } from './lines.ts';
import type { ParseContext } from './parse-context.ts';
import type { Heredoc } from './types.ts';

/** `<<NAME`, `<<-NAME`, `<<"NAME"`, with an optional file descriptor in front. */
const MARK = /^(\d*)<<(-?)\s*(["']?)([^\s"'<>|&;()`$\\]+)\3/;

type Mark = { readonly name: string; readonly fd: number; readonly chomp: boolean; readonly expand: boolean };

/** The here-document marks of a line, in order; those inside of quotes do not count. */
export function heredocMarks(text: string, escape: string): Mark[] {
  const marks: Mark[] = [];
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === escape && quote !== "'") i += 1;
    else if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '<' || (char !== undefined && char >= '0' && char <= '9' && startsWord(text, i))) {
      // `<<<` is a here-string of the shell
      const [all, fd = '', dash, quoted, name] = text.startsWith('<<<', i)
        ? []
        : (MARK.exec(text.slice(i, i + 256)) ?? []);
      if (all === undefined || name === undefined) {
        if (text.startsWith('<<<', i)) i += 2;
        continue;
      }
      marks.push({ name, fd: Number(fd), chomp: dash === '-', expand: quoted === '' });
      i += all.length - 1;
    }
  }
  return marks;
}

/** Digits belong to a mark only at the start of a word. */
const startsWord = (text: string, at: number): boolean => at === 0 || /\s/.test(text[at - 1] ?? '');

/** The bodies that follow a line, one after the other. One that does not end is reported and takes the rest of the file. */
export function readHeredocs(
  line: LogicalLine,
  from: number,
  context: ParseContext,
): { readonly heredocs: Heredoc[]; readonly next: number } {
  const { lines } = context;
  const heredocs: Heredoc[] = [];
  let { next } = line;
  for (const mark of heredocMarks(line.text.slice(from), context.escape)) {
    const start = lines.start(next);
    const { body, end, closed } = readBody(mark, next, lines);
    if (!closed) context.report(notClosed(mark, line, context));
    heredocs.push({ ...mark, body, span: { start, end: lines.span(Math.max(next, end - 1)).end } });
    next = end;
  }
  return { heredocs, next };
}

function readBody(
  mark: Mark,
  first: number,
  lines: SourceLines,
): { readonly body: string; readonly end: number; readonly closed: boolean } {
  const body: string[] = [];
  for (let at = first; at < lines.count; at++) {
    const text = mark.chomp ? lines.text(at).replace(/^\t+/, '') : lines.text(at);
    if (text === mark.name) return { body: body.join(''), end: at + 1, closed: true };
    body.push(`${text}\n`);
  }
  return { body: body.join(''), end: lines.count, closed: false };
}

function notClosed({ name }: Mark, line: LogicalLine, { error }: ParseContext): SourceError {
  const at = line.text.lastIndexOf(name);
  return error(
    'DOCKERFILE_SYNTAX',
    `the here-document ${name} does not end`,
    spanOf(line, at, at + name.length),
    {
      hint: `put a line with only ${name} behind it`,
    },
  );
}

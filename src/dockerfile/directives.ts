import { quoted, SourceError } from '../errors/index.ts';
import type { SourceLines } from './lines.ts';
import type { Dockerfile, Word } from './types.ts';

const DIRECTIVE = /^[ \t]*#[ \t]*([a-zA-Z][a-zA-Z0-9]*)[ \t]*=[ \t]*(.+?)[ \t]*$/d;
const KNOWN: ReadonlySet<string> = new Set(['syntax', 'escape', 'check']);

export type Directives = Pick<Dockerfile, 'directives' | 'escape'> & {
  /** The line behind the directives. */
  readonly next: number;
};

/**
 * Parser directives stand at the very top; the first line that is none ends them. Behind a line that begins with `#!`,
 * which only makes the file executable, `escape` has no effect.
 * @throws SourceError DOCKERFILE_SYNTAX for one that is given twice or has a value it cannot have
 * Source: Dockerfile reference, "Parser directives".
 */
export function readDirectives(lines: SourceLines): Directives {
  const found: Partial<Record<string, Word>> = {};
  const first = lines.text(0).startsWith('#!') ? 1 : 0;
  let line = first;
  for (; line < lines.count; line++) {
    const match = DIRECTIVE.exec(lines.text(line));
    const name = match?.[1]?.toLowerCase() ?? '';
    if (match === null || !KNOWN.has(name)) break;
    const [start, end] = match.indices?.[2] ?? [0, 0];
    const span = { start: lines.start(line) + start, end: lines.start(line) + end };
    if (found[name] !== undefined) {
      throw new SourceError('DOCKERFILE_SYNTAX', `the directive ${name} is given twice`, {
        source: lines.source,
        span,
      });
    }
    found[name] = { text: match[2] ?? '', span };
  }
  const { syntax, check } = found;
  const escape = first === 0 ? found['escape'] : undefined;
  if (escape !== undefined && escape.text !== '\\' && escape.text !== '`') {
    const at = { source: lines.source, span: escape.span };
    throw new SourceError('DOCKERFILE_SYNTAX', `the escape character cannot be ${quoted(escape.text)}`, at, {
      hint: 'expected \\ or `',
    });
  }
  return {
    escape: escape?.text === '`' ? '`' : '\\',
    next: line,
    directives: { ...(syntax && { syntax }), ...(escape && { escape }), ...(check && { check }) },
  };
}

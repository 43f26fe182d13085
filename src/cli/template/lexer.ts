import { SourceError, type Span } from '../../errors/index.ts';

/** `glued`: no space before it, so that `.A.B` is told from `.A .B`. */
export type Token = Span & {
  readonly kind: 'field' | 'dot' | 'variable' | 'string' | 'number' | 'word' | 'punctuation';
  readonly text: string;
  readonly glued: boolean;
};
export type Piece =
  | { readonly type: 'text'; readonly text: string }
  | ({ readonly type: 'action'; readonly tokens: readonly Token[] } & Span);

const KINDS = [
  ['field', /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ['dot', /\./y],
  ['variable', /\$[\p{L}\p{N}_]*/uy],
  ['string', /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ['number', /[+-]?\d+(?:\.\d+)?(?![\p{L}\p{N}_])/uy],
  ['word', /[\p{L}_][\p{L}\p{N}_]*/uy],
  ['punctuation', /:=|[=|(),]/y],
] as const;

/** An error of the template itself, with a caret below the place. */
export function templateError(text: string, span: Span, message: string, hint?: string): SourceError {
  return new SourceError('USAGE', message, { source: { name: '--format', text }, span }, { hint });
}

/**
 * Cuts a template into text and actions. `{{-` and `-}}` take the white space beside them away; comments are gone.
 *
 * @throws SourceError USAGE
 */
export function lexTemplate(text: string): Piece[] {
  const pieces: Piece[] = [];
  let [at, trim] = [0, false];
  for (;;) {
    const open = text.indexOf('{{', at);
    const literal = text.slice(at, open < 0 ? undefined : open);
    const trimEnd = open >= 0 && /^-\s/.test(text.slice(open + 2, open + 4));
    const left = trim ? literal.trimStart() : literal;
    const kept = trimEnd ? left.trimEnd() : left;
    if (kept !== '') pieces.push({ type: 'text', text: unescape(kept) });
    if (open < 0) return pieces;
    const action = lexAction(text, { open, from: open + (trimEnd ? 3 : 2) });
    if (action.tokens !== undefined) {
      pieces.push({ type: 'action', tokens: action.tokens, start: open, end: action.end });
    }
    ({ end: at, trim } = action);
  }
}

const unescape = (text: string): string => text.replaceAll('\\t', '\t').replaceAll('\\n', '\n');

type Action = { readonly tokens?: readonly Token[]; readonly end: number; readonly trim: boolean };

function lexAction(text: string, { open, from }: { readonly open: number; readonly from: number }): Action {
  const comment = /\s*\/\*[\s\S]*?\*\/(\s+-)?\s*\}\}/y;
  comment.lastIndex = from;
  const found = comment.exec(text);
  if (found !== null) return { end: comment.lastIndex, trim: found[1] !== undefined };
  const tokens: Token[] = [];
  let at = from;
  for (;;) {
    const start = skipSpace(text, at);
    const close = /-?\}\}/y;
    close.lastIndex = start;
    const end = close.exec(text)?.[0];
    if (end === '}}' || (end === '-}}' && start > at)) {
      return { tokens, end: close.lastIndex, trim: end === '-}}' };
    }
    if (start >= text.length) {
      throw templateError(text, { start: open, end: open + 2 }, 'the template has {{ without }}');
    }
    const token = lexToken(text, start, start === at && tokens.length > 0);
    tokens.push(token);
    at = token.end;
  }
}

function lexToken(text: string, start: number, glued: boolean): Token {
  for (const [kind, pattern] of KINDS) {
    pattern.lastIndex = start;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) return { kind, text: found, start, end: start + found.length, glued };
  }
  const what = /["`]/.test(text[start] ?? '')
    ? 'a string that does not end'
    : 'a character that means nothing';
  throw templateError(text, { start, end: start + 1 }, `the template has ${what} here`);
}

function skipSpace(text: string, at: number): number {
  const space = /\s*/y;
  space.lastIndex = at;
  space.exec(text);
  return space.lastIndex;
}

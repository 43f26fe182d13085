import { quoted, type SourceError, type Span } from '../../errors/index.ts';
import type { Expression, Node } from './ast.ts';
import { ExpressionParser } from './expression-parser.ts';
import { lexTemplate, type Piece, templateError } from './lexer.ts';

const MAX_DEPTH = 50;
const BLOCKS = ['if', 'with', 'range'] as const;
const FOREIGN = new Set(['define', 'template', 'block', 'break', 'continue']);

/** @throws SourceError USAGE */
export function parseTemplate(text: string): Node[] {
  const parser = new TemplateParser(text);
  const { nodes, closer } = parser.list(0);
  if (closer !== undefined)
    throw parser.error(closer.span, `${quoted(closer.word)} has nothing that it belongs to`);
  return nodes;
}

type Closer = { readonly word: 'end' | 'else'; readonly rest: ExpressionParser; readonly span: Span };
type List = { readonly nodes: Node[]; readonly closer: Closer | undefined };

class TemplateParser {
  readonly #text: string;
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#pieces = lexTemplate(text);
  }

  error(span: Span, message: string): SourceError {
    return templateError(this.#text, span, message);
  }

  /** Nodes up to an `else` or `end`, which is taken. */
  list(depth: number): List {
    const nodes: Node[] = [];
    for (let piece = this.#pieces[this.#at]; piece !== undefined; piece = this.#pieces[this.#at]) {
      this.#at += 1;
      if (piece.type === 'text') {
        nodes.push(piece);
        continue;
      }
      const rest = new ExpressionParser(this.#text, piece.tokens, piece);
      const word = piece.tokens[0]?.text ?? '';
      if (depth > MAX_DEPTH) throw this.error(piece, `the template nests deeper than ${MAX_DEPTH} levels`);
      if (word === 'end' || word === 'else') {
        rest.take(word);
        return { nodes, closer: { word, rest, span: piece } };
      }
      if (FOREIGN.has(word)) throw this.error(piece, `${word} is not supported`);
      const block = BLOCKS.find((one) => one === word);
      nodes.push(block === undefined ? simple(rest) : this.#block(block, { rest, span: piece, depth }));
    }
    return { nodes, closer: undefined };
  }

  #block(
    type: (typeof BLOCKS)[number],
    { rest, span, depth }: { readonly rest: ExpressionParser; readonly span: Span; readonly depth: number },
  ): Node {
    rest.take(type);
    const { names, value } = head(rest, type === 'range' ? 2 : 1);
    const { nodes: body, closer } = this.list(depth + 1);
    const otherwise = this.#otherwise(type, { closer, span, depth });
    return { type, value, names, body, otherwise };
  }

  #otherwise(
    type: (typeof BLOCKS)[number],
    {
      closer,
      span,
      depth,
    }: { readonly closer: Closer | undefined; readonly span: Span; readonly depth: number },
  ): readonly Node[] {
    if (closer === undefined) throw this.error(span, `this ${type} has no {{end}}`);
    const { word, rest } = closer;
    const chained = word === 'else' && type !== 'range' && rest.peek()?.text === type;
    if (chained) return [this.#block(type, { rest, span: closer.span, depth: depth + 1 })];
    rest.finish();
    if (word === 'end') return [];
    const { nodes, closer: last } = this.list(depth + 1);
    if (last?.word === 'else') throw this.error(last.span, `this ${type} has a second {{else}}`);
    if (last === undefined) throw this.error(span, `this ${type} has no {{end}}`);
    last.rest.finish();
    return nodes;
  }
}

/** `$k, $v := pipeline` or a pipeline alone. */
function head(rest: ExpressionParser, most: number): { names: string[]; value: Expression } {
  const names: string[] = [];
  if (rest.peek()?.kind === 'variable' && /^(:=|,)$/.test(rest.peek(1)?.text ?? '')) {
    do {
      if (names.length === most) throw rest.error('there are too many variables');
      names.push(rest.takeVariable());
    } while (rest.take(','));
    if (!rest.take(':=')) throw rest.error(':= is expected after the variables');
  }
  const value = rest.pipeline();
  rest.finish();
  return { names, value };
}

function simple(rest: ExpressionParser): Node {
  const sign = rest.peek(1)?.text;
  if (rest.peek()?.kind === 'variable' && (sign === ':=' || sign === '=')) {
    const name = rest.takeVariable();
    rest.take(sign);
    const value = rest.pipeline();
    rest.finish();
    return { type: 'assign', name, declare: sign === ':=', value };
  }
  const value = rest.pipeline();
  rest.finish();
  return { type: 'output', value };
}

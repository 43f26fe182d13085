import { quoted, type SourceError, type Span, suggest } from '../../errors/index.ts';
import type { Expression } from './ast.ts';
import { FUNCTION_NAMES } from './functions.ts';
import { type Token, templateError } from './lexer.ts';

const MAX_DEPTH = 50;
const CONSTANTS = new Map([
  ['true', true],
  ['false', false],
  ['nil', null],
] as const);

/** Reads the tokens of one action. */
export class ExpressionParser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #span: Span;
  #at = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly Token[], span: Span) {
    this.#text = text;
    this.#tokens = tokens;
    this.#span = span;
  }

  peek(offset = 0): Token | undefined {
    return this.#tokens[this.#at + offset];
  }

  /** Takes the next token if it has this text. */
  take(text: string): boolean {
    if (this.peek()?.text !== text) return false;
    this.#at += 1;
    return true;
  }

  /** Takes `$name` in front of `:=`, `=` or a comma. */
  takeVariable(): string {
    const token = this.peek();
    if (token?.kind !== 'variable') throw this.error('a variable is expected here');
    this.#at += 1;
    return token.text;
  }

  /** @throws SourceError USAGE when something follows */
  finish(): void {
    const token = this.peek();
    if (token !== undefined) throw this.error(`${quoted(token.text)} does not belong here`);
  }

  error(message: string, hint?: string, span: Span = this.peek() ?? this.#span): SourceError {
    return templateError(this.#text, span, message, hint);
  }

  /** Commands joined by `|`: each is the last argument of the next. */
  pipeline(): Expression {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.error(`the template nests deeper than ${MAX_DEPTH} levels`);
    let value = this.#command();
    while (this.take('|')) value = this.#command(value);
    this.#depth -= 1;
    return value;
  }

  #command(piped?: Expression): Expression {
    const first = this.peek();
    const isCall = first?.kind === 'word' && !CONSTANTS.has(first.text as 'nil');
    if (first === undefined || !isCall) {
      if (piped !== undefined) throw this.error('a function is expected after |');
      const value = this.#operand();
      const next = this.peek();
      if (next !== undefined && !/^[|),]$/.test(next.text)) {
        throw this.error('only functions take arguments', undefined, next);
      }
      return value;
    }
    this.#at += 1;
    if (!FUNCTION_NAMES.includes(first.text)) {
      const near = suggest(first.text, FUNCTION_NAMES);
      const hint = near === undefined ? `known are ${FUNCTION_NAMES.join(', ')}` : `did you mean ${near}?`;
      throw this.error(`there is no function ${quoted(first.text)}`, hint, first);
    }
    const args: Expression[] = [];
    for (let next = this.peek(); next && !/^[|),]$/.test(next.text); next = this.peek()) {
      args.push(this.#operand());
    }
    if (piped !== undefined) args.push(piped);
    return { type: 'call', name: first.text, args, start: first.start, end: args.at(-1)?.end ?? first.end };
  }

  #operand(): Expression {
    let value = this.#term();
    for (let next = this.peek(); next?.kind === 'field' && next.glued; next = this.peek()) {
      this.#at += 1;
      value = { type: 'field', of: value, name: next.text.slice(1), start: next.start, end: next.end };
    }
    return value;
  }

  #term(): Expression {
    const token = this.peek();
    if (token === undefined) throw this.error('a value is expected here', undefined, this.#span);
    const { start, end, text } = token;
    const span = { start, end };
    this.#at += 1;
    if (text === '(') return this.#parenthesis(token);
    switch (token.kind) {
      case 'dot':
        return { type: 'dot', ...span };
      case 'field':
        return { type: 'field', of: { type: 'dot', ...span }, name: text.slice(1), ...span };
      case 'variable':
        return { type: 'variable', name: text, ...span };
      case 'string':
        return { type: 'literal', value: this.#string(token), ...span };
      case 'number':
        return { type: 'literal', value: Number(text), ...span };
    }
    const constant = CONSTANTS.get(text as 'nil');
    if (constant !== undefined) return { type: 'literal', value: constant, ...span };
    if (token.kind === 'word' && FUNCTION_NAMES.includes(text)) {
      throw this.error('a call in an argument needs parentheses', `write (${text} …)`, token);
    }
    throw this.error(`a value is expected instead of ${quoted(text)}`, undefined, token);
  }

  #parenthesis(open: Token): Expression {
    const value = this.pipeline();
    if (!this.take(')')) throw this.error('this parenthesis is not closed', undefined, open);
    return value;
  }

  #string(token: Token): string {
    if (token.text.startsWith('`')) return token.text.slice(1, -1);
    try {
      return JSON.parse(token.text.replaceAll('\t', '\\t')) as string;
    } catch {
      throw this.error('this string has an unknown escape', 'use backquotes for text as it is', token);
    }
  }
}

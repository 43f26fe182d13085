import { quoted, type Source, SourceError } from '../errors/index.ts';
import { replacePattern, trimPattern } from './expand-pattern.ts';
import type { Word } from './types.ts';

export type Lookup = (name: string) => string | undefined;
/** What expansion needs to know of the file a word stands in. A `Dockerfile` is one. */
export type ExpandSite = { readonly source: Source; readonly escape: string };

const MAX_DEPTH = 100;
/** Larger than any sensible value: stops `${a//x/$a}` bombs. */
const MAX_LENGTH = 1024 * 1024;
/** Comparisons that the patterns of one word may cost: matching takes at most the product of both lengths. */
const MAX_WORK = 64 * 1024 * 1024;

/**
 * A stretch of output. White space in `variable` and `plain` text separates words, and `literal` text came out of
 * quotes or escapes: in a pattern it means itself.
 */
export type Piece = { readonly text: string; readonly kind: 'variable' | 'plain' | 'literal' };

/** A name, or one of the shell's single characters, or digits. */
const NAME = /[\p{L}_][\p{L}\p{Nd}_]*|\p{Nd}+|[@*#?$!-]/uy;

/** Expands one text, once. Source: Dockerfile reference, "Environment replacement". */
export class Expander {
  readonly #text: string;
  readonly #word: Word;
  readonly #lookup: Lookup;
  readonly #site: ExpandSite;
  #at = 0;
  #depth = 0;
  #length = 0;
  #work = 0;

  constructor(word: Word, lookup: Lookup, site: ExpandSite) {
    this.#text = word.text;
    this.#word = word;
    this.#lookup = lookup;
    this.#site = site;
  }

  expandAll(): Piece[] {
    return this.#pieces('');
  }

  expandBody(): string {
    const out: string[] = [];
    while (this.#at < this.#text.length) out.push(this.#insideQuotes(''));
    return out.join('');
  }

  /** Up to a character of `end` that is not quoted, which is left where it is. */
  #pieces(end: string): Piece[] {
    const pieces: Piece[] = [];
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? '';
      if (end.includes(char)) break;
      if (char === "'") pieces.push({ text: this.#single(), kind: 'literal' });
      else if (char === '"') pieces.push({ text: this.#double(), kind: 'literal' });
      else if (char === '$') pieces.push({ text: this.#variable(), kind: 'variable' });
      else if (char === this.#site.escape) pieces.push({ text: this.#escaped(), kind: 'literal' });
      else {
        pieces.push({ text: char, kind: 'plain' });
        this.#at += 1;
      }
    }
    return pieces;
  }

  #textUpTo(end: string): string {
    return this.#pieces(end)
      .map((piece) => piece.text)
      .join('');
  }

  /** An escape character at the very end escapes nothing and goes. */
  #escaped(): string {
    const next = this.#text[this.#at + 1] ?? '';
    this.#at += 2;
    return next;
  }

  #single(): string {
    const close = this.#text.indexOf("'", this.#at + 1);
    if (close < 0) throw this.#error("a ' has no other that closes it", this.#at);
    const body = this.#text.slice(this.#at + 1, close);
    this.#at = close + 1;
    return body;
  }

  #double(): string {
    const open = this.#at;
    this.#at += 1;
    const out: string[] = [];
    while (this.#text[this.#at] !== '"') {
      if (this.#at >= this.#text.length) throw this.#error('a " has no other that closes it', open);
      out.push(this.#insideQuotes('"'));
    }
    this.#at += 1;
    return out.join('');
  }

  /** One character, escape or variable where quotes are open: only `$`, the quote and the escape can be escaped. */
  #insideQuotes(quote: string): string {
    const char = this.#text[this.#at] ?? '';
    const { escape } = this.#site;
    if (char === '$') return this.#variable();
    if (char === escape) {
      const next = this.#text[this.#at + 1] ?? '';
      if (next !== '' && (next === '$' || next === escape || next === quote)) {
        this.#at += 2;
        return next;
      }
    }
    this.#at += 1;
    return char;
  }

  #variable(): string {
    const start = this.#at;
    const value = this.#text[start + 1] === '{' ? this.#nested(() => this.#braced()) : this.#bare();
    this.#length += value.length;
    if (this.#length <= MAX_LENGTH) return value;
    throw this.#error(`the value would be longer than ${MAX_LENGTH} characters`, start);
  }

  /** `$name`; a `$` before anything else is a `$`. */
  #bare(): string {
    const name = this.#nameAt(this.#at + 1);
    this.#at += 1 + name.length;
    return name === '' ? '$' : (this.#lookup(name) ?? '');
  }

  #nameAt(at: number): string {
    NAME.lastIndex = at;
    return NAME.exec(this.#text)?.[0] ?? '';
  }

  #nested<T>(work: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH)
      throw this.#error(`variables are nested more than ${MAX_DEPTH} deep`, this.#at);
    const result = work();
    this.#depth -= 1;
    return result;
  }

  #braced(): string {
    const start = this.#at;
    const name = this.#nameAt(start + 2);
    this.#at += 2 + name.length;
    if (name === '')
      throw this.#error(`there is no name in ${quoted(this.#text.slice(start, start + 20))}`, start);
    const result = this.#modified(name, start);
    if (this.#text[this.#at] !== '}') throw this.#error(`\${${name} is not closed by }`, start);
    this.#at += 1;
    return result;
  }

  #modified(name: string, start: number): string {
    const value = this.#lookup(name);
    const [first = '', second = ''] = this.#text.slice(this.#at, this.#at + 2);
    if (first === '}' || first === '') return value ?? '';
    if (first === '#' || first === '%') return this.#trimmed(value ?? '', first, second === first);
    if (first === '/') return this.#replaced(value ?? '', second === '/');
    const operator = first === ':' ? second : first;
    if (operator === '' || !'-+?'.includes(operator))
      throw this.#error(`\${${name}${first === ':' ? first + second : first} is no substitution`, start);
    this.#at += first === ':' ? 2 : 1;
    const word = this.#textUpTo('}');
    // With a colon, an empty value counts as missing
    const given = first === ':' && value === '' ? undefined : value;
    if (operator === '-') return given ?? word;
    if (operator === '+') return given === undefined ? '' : word;
    if (given !== undefined) return given;
    const reason = word === '' ? ` is ${value === undefined ? 'not set' : 'empty'}` : `: ${word}`;
    throw this.#error(
      `${name}${reason}`,
      start,
      `give ${name} a value, with ENV or with ARG and --build-arg`,
    );
  }

  #trimmed(value: string, sign: '#' | '%', greedy: boolean): string {
    this.#at += greedy ? 2 : 1;
    const pattern = this.#pattern('}', value);
    return trimPattern(value, pattern, { fromEnd: sign === '%', greedy });
  }

  #replaced(value: string, all: boolean): string {
    this.#at += all ? 2 : 1;
    const pattern = this.#pattern('/}', value);
    let replacement = '';
    if (this.#text[this.#at] === '/') {
      this.#at += 1;
      replacement = this.#textUpTo('}');
    }
    return replacePattern(value, pattern, { replacement, all, maxLength: MAX_LENGTH });
  }

  /** What came out of quotes or escapes is escaped again, always by a backslash. */
  #pattern(end: string, value: string): string {
    const start = this.#at;
    const pattern = this.#pieces(end)
      .map(({ text, kind }) => (kind === 'literal' ? text.replace(/[\\*?]/g, '\\$&') : text))
      .join('');
    this.#work += value.length * Math.max(1, pattern.length);
    if (this.#work <= MAX_WORK) return pattern;
    throw this.#error('the patterns are too long for the values', start, 'do this in a RUN instruction');
  }

  /** Points at what begins at `from`, where the word stands in the source as it is written. */
  #error(message: string, from: number, hint?: string): SourceError {
    const { escape, source } = this.#site;
    const { text, span } = this.#word;
    const start = span.end - span.start === text.length ? span.start + from : span.start;
    return new SourceError(
      'DOCKERFILE_EXPANSION',
      message,
      { source, span: { start, end: span.end } },
      { hint: hint ?? `put ${escape} before a $ or a quote that should mean itself` },
    );
  }
}

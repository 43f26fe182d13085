import { quoted, type Source, SourceError } from '../errors/index.ts';
import { type Pattern, parsePattern, replacePattern, trimPattern } from './expand-pattern.ts';
import type { Word } from './types.ts';

export type Lookup = (name: string) => string | undefined;
/** What expansion needs to know of the file a word stands in. A `Dockerfile` is one. */
export type ExpandSite = { readonly source: Source; readonly escape: string };

const MAX_DEPTH = 100;
const REPLACE_HINT =
  'write ${name/pattern/replacement}; the replacement may be empty, its / may not be missing';
/** Larger than any sensible value: stops `${a//x/$a}` bombs. */
const MAX_LENGTH = 1024 * 1024;
/** Comparisons that the patterns of one word may cost: matching takes at most the product of both lengths. */
const MAX_WORK = 64 * 1024 * 1024;

/** A stretch of output. White space in `variable` and `plain` text separates words, that in `literal` text does not. */
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
  /** In patterns an escape character stays in front of what it escapes. */
  #keepEscapes = false;
  /** In here-documents quotes are ordinary characters. */
  #quotes = true;

  constructor(word: Word, lookup: Lookup, site: ExpandSite) {
    this.#text = word.text;
    this.#word = word;
    this.#lookup = lookup;
    this.#site = site;
  }

  expandAll(): Piece[] {
    return this.#pieces('');
  }

  /** A here-document's body. */
  expandBody(): string {
    this.#quotes = false;
    return this.#textUpTo('');
  }

  /** Up to a character that is `end` and not quoted, which is left where it is; without one to the end. */
  #pieces(end: string): Piece[] {
    const pieces: Piece[] = [];
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? '';
      if (char === end) break;
      if (char === "'" && this.#quotes) pieces.push({ text: this.#single(), kind: 'literal' });
      else if (char === '"' && this.#quotes) pieces.push({ text: this.#double(), kind: 'literal' });
      else if (char === '$') pieces.push({ text: this.#variable(), kind: 'variable' });
      else if (char === this.#site.escape) pieces.push({ text: this.#escaped(), kind: 'literal' });
      else {
        pieces.push({ text: char, kind: 'plain' });
        this.#at += 1;
      }
    }
    return pieces;
  }

  #textUpTo(end: string, keepEscapes = false): string {
    const before = this.#keepEscapes;
    this.#keepEscapes = keepEscapes;
    const pieces = this.#pieces(end);
    this.#keepEscapes = before;
    return pieces.map((piece) => piece.text).join('');
  }

  /** An escape character at the very end escapes nothing and goes. */
  #escaped(): string {
    const escape = this.#keepEscapes ? this.#site.escape : '';
    const next = this.#text[this.#at + 1] ?? '';
    this.#at += 2;
    return `${escape}${next}`;
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
      out.push(this.#insideQuotes());
    }
    this.#at += 1;
    return out.join('');
  }

  /** One character, escape or variable where double quotes are open: only `$`, the quote and the escape can be escaped. */
  #insideQuotes(): string {
    const char = this.#text[this.#at] ?? '';
    const { escape } = this.#site;
    if (char === '$') return this.#variable();
    this.#at += 1;
    if (char !== escape) return char;
    const kept = this.#keepEscapes ? escape : '';
    const next = this.#text[this.#at] ?? '';
    if (next === '' || !`"$${escape}`.includes(next)) return `${kept}${char}`;
    this.#at += 1;
    return `${kept}${next}`;
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
    const [first = '', second = ''] = this.#text.slice(this.#at, this.#at + 2);
    const value = this.#lookup(name);
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
    const start = this.#at;
    const text = this.#textUpTo('}', true);
    return trimPattern(value, this.#pattern(text, value, start), { fromEnd: sign === '%', greedy });
  }

  #replaced(value: string, all: boolean): string {
    this.#at += all ? 2 : 1;
    const start = this.#at;
    const text = this.#textUpTo('/', true);
    if (this.#text[this.#at] !== '/')
      throw this.#error('the pattern of a substitution is not closed by /', start, REPLACE_HINT);
    this.#at += 1;
    const replacement = this.#textUpTo('}', true);
    return replacePattern(value, this.#pattern(text, value, start), {
      replacement,
      all,
      maxLength: MAX_LENGTH,
    });
  }

  #pattern(text: string, value: string, start: number): Pattern {
    // A pattern that spans lines has to be tried everywhere
    this.#work += value.length * Math.max(1, text.length) * (text.includes('\n') ? value.length : 1);
    if (this.#work > MAX_WORK)
      throw this.#error('the patterns are too long for the values', start, 'do this in a RUN instruction');
    const pattern = parsePattern(text);
    if (pattern !== undefined) return pattern;
    const hint = 'a backslash in a pattern can only stand before * ? / } and another backslash';
    throw this.#error(`${quoted(text)} is no pattern`, start, hint);
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

import { type Source, SourceError, type Span } from '../errors/index.ts';
import { replacePattern, trimPattern } from './expand-pattern.ts';
import type { Heredoc, Word } from './types.ts';

export type Lookup = (name: string) => string | undefined;
/** What expansion needs to know of the file a word stands in. A `Dockerfile` is one. */
export type ExpandSite = { readonly source: Source; readonly escape: string };

const MAX_DEPTH = 100;
/** Larger than any sensible value: stops `${a//x/$a}` bombs. */
const MAX_LENGTH = 1024 * 1024;

/**
 * A word with its variables replaced and its quotes and escapes removed. A variable that is not set is empty.
 * Forms: `$v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?w} ${v?w} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}`.
 *
 * @throws SourceError DOCKERFILE_EXPANSION, and nothing else
 * Source: Dockerfile reference, "Environment replacement".
 */
export function expandWord(word: Word, lookup: Lookup, site: ExpandSite): string {
  return textOf(new Expander(word.text, { span: word.span, lookup, site }).expandAll());
}

/** The same, and white space that comes out of a variable outside of quotes separates words. */
export function expandWords(word: Word, lookup: Lookup, site: ExpandSite): string[] {
  return splitFields(new Expander(word.text, { span: word.span, lookup, site }).expandAll());
}

/** A here-document's body: variables and escapes work, quotes are ordinary characters. */
export function expandHeredoc(heredoc: Heredoc, lookup: Lookup, site: ExpandSite): string {
  return new Expander(heredoc.body, { span: heredoc.span, lookup, site }).expandBody();
}

/**
 * A stretch of output. White space in `variable` text separates words, a `plain` character counts as it is written,
 * and `literal` text came out of quotes or escapes: in a pattern it means itself.
 */
type Piece = { readonly text: string; readonly kind: 'variable' | 'plain' | 'literal' };

const textOf = (pieces: readonly Piece[]): string => pieces.map((piece) => piece.text).join('');

function splitFields(pieces: readonly Piece[]): string[] {
  const fields: string[] = [];
  let field: string | undefined;
  for (const { text, kind } of pieces) {
    if (kind === 'literal' || (kind === 'plain' && !/[ \t\n]/.test(text))) {
      field = (field ?? '') + text;
      continue;
    }
    for (const part of text.split(/([ \t\n]+)/)) {
      if (/^[ \t\n]+$/.test(part)) {
        if (field !== undefined) fields.push(field);
        field = undefined;
      } else if (part !== '') field = (field ?? '') + part;
    }
  }
  return field === undefined ? fields : [...fields, field];
}

type Site = { readonly span: Span; readonly lookup: Lookup; readonly site: ExpandSite };

class Expander {
  readonly #text: string;
  readonly #site: Site;
  #at = 0;
  #depth = 0;
  #length = 0;

  constructor(text: string, site: Site) {
    this.#text = text;
    this.#site = site;
  }

  expandAll(): Piece[] {
    return this.#word('');
  }

  expandBody(): string {
    let out = '';
    while (this.#at < this.#text.length) out += this.#insideQuotes('');
    return out;
  }

  /** Up to a character of `end` that is not quoted, which is left where it is. */
  #word(end: string): Piece[] {
    const pieces: Piece[] = [];
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? '';
      if (end.includes(char)) break;
      if (char === "'") pieces.push({ text: this.#single(), kind: 'literal' });
      else if (char === '"') pieces.push({ text: this.#double(), kind: 'literal' });
      else if (char === '$') pieces.push({ text: this.#variable(), kind: 'variable' });
      else if (char === this.#site.site.escape) pieces.push({ text: this.#escaped(), kind: 'literal' });
      else {
        pieces.push({ text: char, kind: 'plain' });
        this.#at += 1;
      }
    }
    return pieces;
  }

  #escaped(): string {
    const next = this.#text[this.#at + 1];
    this.#at += 2;
    // An escape character at the very end stands for itself
    return next ?? this.#site.site.escape;
  }

  #single(): string {
    const close = this.#text.indexOf("'", this.#at + 1);
    if (close < 0) throw this.#error("a ' has no other that closes it");
    const body = this.#text.slice(this.#at + 1, close);
    this.#at = close + 1;
    return body;
  }

  #double(): string {
    this.#at += 1;
    let out = '';
    while (this.#text[this.#at] !== '"') {
      if (this.#at >= this.#text.length) throw this.#error('a " has no other that closes it');
      out += this.#insideQuotes('"');
    }
    this.#at += 1;
    return out;
  }

  /** One character, escape or variable where quotes are open: only `$`, the quote and the escape can be escaped. */
  #insideQuotes(quote: string): string {
    const char = this.#text[this.#at] ?? '';
    const { escape } = this.#site.site;
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
    const next = this.#text[this.#at + 1] ?? '';
    let value: string;
    if (next === '{') value = this.#nested(() => this.#braced());
    else {
      const name = readName(this.#text, this.#at + 1);
      // A $ before anything else is a $
      if (name === '') value = '$';
      else value = this.#site.lookup(name) ?? '';
      this.#at += 1 + name.length;
    }
    this.#length += value.length;
    if (this.#length > MAX_LENGTH)
      throw this.#error(`the value would be longer than ${MAX_LENGTH} characters`);
    return value;
  }

  #nested<T>(work: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#error(`variables are nested more than ${MAX_DEPTH} deep`);
    const result = work();
    this.#depth -= 1;
    return result;
  }

  /** `${name…}`; on entry at the `$`, on return behind the `}`. */
  #braced(): string {
    const start = this.#at;
    const name = readName(this.#text, this.#at + 2);
    this.#at += 2 + name.length;
    if (name === '')
      throw this.#error(`there is no name in ${JSON.stringify(this.#text.slice(start, start + 20))}`);
    const value = this.#site.lookup(name);
    const result = this.#modified(name, value);
    if (this.#text[this.#at] !== '}') throw this.#error(`\${${name} is not closed by }`);
    this.#at += 1;
    return result;
  }

  #modified(name: string, value: string | undefined): string {
    const rest = this.#text.slice(this.#at, this.#at + 2);
    const [first = '', second = ''] = rest;
    if (first === '}' || first === '') return value ?? '';
    if (first === ':')
      return this.#conditional(name, {
        value: value === '' ? undefined : value,
        raw: value,
        operator: second,
        skip: 2,
      });
    if ('-+?'.includes(first))
      return this.#conditional(name, { value, raw: value, operator: first, skip: 1 });
    if (first === '#' || first === '%') return this.#trimmed(value ?? '', first, second === first);
    if (first === '/') return this.#replaced(value ?? '', second === '/');
    throw this.#error(`\${${name}${first} is no substitution`);
  }

  /** `value` is undefined when the condition counts the variable as missing. */
  #conditional(
    name: string,
    {
      value,
      raw,
      operator,
      skip,
    }: { value: string | undefined; raw: string | undefined; operator: string; skip: number },
  ): string {
    this.#at += skip;
    const word = textOf(this.#word('}'));
    switch (operator) {
      case '-':
        return value ?? word;
      case '+':
        return value === undefined ? '' : word;
      case '?':
        if (value !== undefined) return value;
        throw this.#error(
          word === '' ? `${name} is ${raw === undefined ? 'not set' : 'empty'}` : `${name}: ${word}`,
        );
      default:
        throw this.#error(`\${${name}:${operator} is no substitution`);
    }
  }

  #trimmed(value: string, sign: '#' | '%', greedy: boolean): string {
    this.#at += greedy ? 2 : 1;
    const pattern = this.#pattern('}');
    return trimPattern(value, pattern, { fromEnd: sign === '%', greedy });
  }

  #replaced(value: string, all: boolean): string {
    this.#at += all ? 2 : 1;
    const pattern = this.#pattern('/}');
    let replacement = '';
    if (this.#text[this.#at] === '/') {
      this.#at += 1;
      replacement = textOf(this.#word('}'));
    }
    return replacePattern(value, pattern, { replacement, all });
  }

  /** What came out of quotes or escapes is escaped again, always by a backslash. */
  #pattern(end: string): string {
    const pieces = this.#word(end);
    return pieces
      .map(({ text, kind }) => (kind === 'literal' ? text.replace(/[\\*?]/g, '\\$&') : text))
      .join('');
  }

  #error(message: string): SourceError {
    const { span, site } = this.#site;
    return new SourceError(
      'DOCKERFILE_EXPANSION',
      message,
      { source: site.source, span },
      {
        hint: 'put \\ before a $ or a quote that should mean itself',
      },
    );
  }
}

/** A name, or one of the shell's single characters and digits. */
function readName(text: string, at: number): string {
  const rest = text.slice(at, at + 256);
  return /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])/.exec(rest)?.[0] ?? '';
}

/** The names of the variables a word refers to, each once. */
export function variablesIn(word: Word): string[] {
  const names = word.text.matchAll(/\$\{?([A-Za-z_][A-Za-z0-9_]*)/g);
  return [...new Set([...names].map((match) => match[1] ?? ''))];
}

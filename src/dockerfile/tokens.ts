import { type LogicalLine, spanOf } from './lines.ts';
import type { Word } from './types.ts';

/** Reads a logical line from left to right. */
export class Cursor {
  readonly line: LogicalLine;
  readonly escape: string;
  at: number;

  constructor(line: LogicalLine, escape: string, at = 0) {
    this.line = line;
    this.escape = escape;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.line.text.length;
  }

  /** What is left. */
  rest(): Word {
    const { text } = this.line;
    return { text: text.slice(this.at), span: spanOf(this.line, this.at, text.length) };
  }

  skipSpace(): void {
    const { text } = this.line;
    while (this.at < text.length && isSpace(text[this.at])) this.at += 1;
  }

  /** Up to the next white space, quotes and all. */
  plainWord(): Word {
    const start = this.at;
    const { text } = this.line;
    while (this.at < text.length && !isSpace(text[this.at])) this.at += 1;
    return this.slice(start);
  }

  /** Up to white space that is neither quoted nor escaped; quotes and escapes stay in the text. */
  quotedWord(): Word {
    const start = this.at;
    const { text } = this.line;
    let quote = '';
    while (this.at < text.length) {
      const char = text[this.at];
      if (char === this.escape && quote !== "'" && this.at + 1 < text.length) this.at += 1;
      else if (quote !== '') {
        if (char === quote) quote = '';
      } else if (char === '"' || char === "'") quote = char;
      else if (isSpace(char)) break;
      this.at += 1;
    }
    return this.slice(start);
  }

  slice(start: number, end: number = this.at): Word {
    return { text: this.line.text.slice(start, end), span: spanOf(this.line, start, end) };
  }
}

export function isSpace(char: string | undefined): boolean {
  return char !== undefined && ' \t\v\f\r'.includes(char);
}

/** All words of the rest of a line, separated by white space only. */
export function plainWords(cursor: Cursor): Word[] {
  const words: Word[] = [];
  for (cursor.skipSpace(); !cursor.done; cursor.skipSpace()) words.push(cursor.plainWord());
  return words;
}

const QUOTED_MARK = /\d*<<-?["']/y;

/** The words of COPY and ADD: separated by white space only, but for the name of a here-document in quotes. */
export function transferWords(cursor: Cursor): Word[] {
  const words: Word[] = [];
  for (cursor.skipSpace(); !cursor.done; cursor.skipSpace()) {
    QUOTED_MARK.lastIndex = cursor.at;
    words.push(QUOTED_MARK.test(cursor.line.text) ? cursor.quotedWord() : cursor.plainWord());
  }
  return words;
}

export type PairWord = { readonly word: Word; readonly name: Word; readonly value?: Word };

/** Words up to white space that is neither quoted nor escaped, each cut at its first `=`. */
export function pairWords(cursor: Cursor): PairWord[] {
  const pairs: PairWord[] = [];
  for (cursor.skipSpace(); !cursor.done; cursor.skipSpace()) {
    const start = cursor.at;
    const word = cursor.quotedWord();
    const equals = word.text.indexOf('=');
    if (equals < 0) pairs.push({ word, name: word });
    else {
      const [name, value] = [cursor.slice(start, start + equals), cursor.slice(start + equals + 1)];
      pairs.push({ word, name, value });
    }
  }
  return pairs;
}

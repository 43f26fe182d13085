import { SourceError } from '../errors/index.ts';
import { Expander, type ExpandSite, type Lookup, type Piece } from './expander.ts';
import type { Heredoc, Word } from './types.ts';

export type { ExpandSite, Lookup };

/**
 * A word with its variables replaced and its quotes and escapes removed. A variable that is not set is empty.
 * Forms: `$v ${v} ${v:-w} ${v-w} ${v:+w} ${v+w} ${v:?w} ${v?w} ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/r} ${v//p/r}`.
 *
 * @throws SourceError DOCKERFILE_EXPANSION, and nothing else
 * Source: Dockerfile reference, "Environment replacement".
 */
export function expandWord(word: Word, lookup: Lookup, site: ExpandSite): string {
  return textOf(new Expander(word, lookup, site).expandAll());
}

/** The same, and white space that comes out of a variable outside of quotes separates words. None is empty. */
export function expandWords(word: Word, lookup: Lookup, site: ExpandSite): string[] {
  return splitFields(new Expander(word, lookup, site).expandAll());
}

/**
 * A here-document's body: quotes are ordinary characters, and a backslash, whatever the file's escape character, goes
 * from before any character.
 */
export function expandHeredoc(heredoc: Heredoc, lookup: Lookup, { source }: ExpandSite): string {
  const word = { text: heredoc.body, span: heredoc.span };
  return new Expander(word, lookup, { source, escape: '\\' }).expandBody();
}

/** The names of the variables a word refers to, each once, in order. Those of a malformed word: up to the fault. */
export function variablesIn(word: Word, escape = '\\'): string[] {
  const names = new Set<string>();
  const site = { source: { name: '', text: '' }, escape };
  try {
    // A value that is neither unset nor empty, so that no `?` complains
    const lookup: Lookup = (name) => {
      names.add(name);
      return 'x';
    };
    expandWord(word, lookup, site);
  } catch (error) {
    if (!(error instanceof SourceError)) throw error;
  }
  return [...names];
}

const textOf = (pieces: readonly Piece[]): string => pieces.map((piece) => piece.text).join('');

function splitFields(pieces: readonly Piece[]): string[] {
  const fields: string[] = [];
  let field: string[] = [];
  for (const { text, kind } of pieces) {
    const [first = '', ...others] = kind === 'literal' ? [text] : text.split(/\s+/);
    field.push(first);
    for (const other of others) {
      fields.push(field.join(''));
      field = [other];
    }
  }
  return [...fields, field.join('')].filter((one) => one !== '');
}

/** A shell pattern as tokens: `*`, `?`, or a character that means itself; a backslash escapes. */
type Token =
  | { readonly kind: 'any' }
  | { readonly kind: 'one' }
  | { readonly kind: 'char'; readonly char: string };

function tokens(pattern: string): Token[] {
  const out: Token[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i] ?? '';
    if (char === '*') {
      if (out.at(-1)?.kind !== 'any') out.push({ kind: 'any' });
    } else if (char === '?') out.push({ kind: 'one' });
    else {
      const literal = char === '\\' && i + 1 < pattern.length ? (pattern[++i] ?? '') : char;
      out.push({ kind: 'char', char: literal });
    }
  }
  return out;
}

/**
 * All ends of a match that begins at `start`: `ends[i]` says that `text.slice(start, start + i)` matches. One row per
 * token, so the time is the product of both lengths.
 */
function matchEnds(text: string, start: number, pattern: readonly Token[]): boolean[] {
  const length = text.length - start;
  let row = Array.from({ length: length + 1 }, (_, i) => i === 0);
  for (const token of pattern) {
    const next = Array.from({ length: length + 1 }, () => false);
    let reached = false;
    for (let i = 0; i <= length; i++) {
      if (token.kind === 'any') {
        reached ||= row[i] === true;
        next[i] = reached;
      } else if (i > 0 && row[i - 1] && (token.kind === 'one' || text[start + i - 1] === token.char))
        next[i] = true;
    }
    row = next;
  }
  return row;
}

export type TrimOptions = { readonly fromEnd: boolean; readonly greedy: boolean };

/** `${v#p}` and its relatives: removes the shortest (or longest) match at the start or the end. */
export function trimPattern(value: string, pattern: string, { fromEnd, greedy }: TrimOptions): string {
  const text = fromEnd ? reverse(value) : value;
  const parsed = tokens(pattern);
  const ends = matchEnds(text, 0, fromEnd ? parsed.reverse() : parsed);
  const end = greedy ? ends.lastIndexOf(true) : ends.indexOf(true);
  if (end <= 0) return value;
  return fromEnd ? value.slice(0, value.length - end) : value.slice(end);
}

const reverse = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => text[text.length - 1 - i]).join('');

export type ReplaceOptions = { readonly replacement: string; readonly all: boolean };

/** `${v/p/r}`: replaces the first longest match, or every one. An empty pattern matches nothing. */
export function replacePattern(value: string, pattern: string, { replacement, all }: ReplaceOptions): string {
  const parsed = tokens(pattern);
  if (parsed.length === 0) return value;
  let out = '';
  let at = 0;
  while (at < value.length) {
    const end = matchEnds(value, at, parsed).lastIndexOf(true);
    if (end <= 0) {
      out += value[at] ?? '';
      at += 1;
      continue;
    }
    out += replacement;
    at += end;
    if (!all) break;
  }
  return out + value.slice(at);
}

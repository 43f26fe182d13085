import { LapidaryError, quoted } from '../errors/index.ts';

type Matcher = (name: string) => boolean;

/** Whether a name of a source has to be matched: it has wildcards, or escapes. */
export const isWild = (name: string): boolean => /[*?[\\]/.test(name);

/** Whether a name of a source may match several names, or none. */
export const hasWildcard = (name: string): boolean => /[*?[]/.test(name.replace(/\\./g, ''));

/**
 * Matches one name (no slash) against one component of a pattern: `*`, `?`, `[a-z]`, `[^x]` and `\` before a
 * character that means itself. Linear in the length of the name for each `*`.
 * Source: Go path/filepath, Match. @throws LapidaryError PATTERN_INVALID
 */
export function nameMatcher(pattern: string): Matcher {
  const tokens = tokenize(pattern);
  return (name) => matches(tokens, Array.from(name));
}

type Token = '*' | ((char: string) => boolean);

function tokenize(pattern: string): Token[] {
  const chars = Array.from(pattern);
  const tokens: Token[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i];
    if (char === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*');
    } else if (char === '?') tokens.push(() => true);
    else if (char === '[') {
      const { token, end } = readClass(chars, i, pattern);
      tokens.push(token);
      i = end;
    } else {
      if (char === '\\') i += 1;
      const literal = chars[i];
      if (literal === undefined) throw badPattern(pattern);
      tokens.push((other) => other === literal);
    }
  }
  return tokens;
}

function readClass(chars: readonly string[], start: number, pattern: string): { token: Token; end: number } {
  let i = start + 1;
  const negated = chars[i] === '^';
  if (negated) i += 1;
  const ranges: [number, number][] = [];
  const next = (): number => {
    if (chars[i] === '\\') i += 1;
    else if (chars[i] === '-' || chars[i] === ']') throw badPattern(pattern);
    const point = chars[i]?.codePointAt(0);
    if (point === undefined) throw badPattern(pattern);
    i += 1;
    return point;
  };
  while (ranges.length === 0 || chars[i] !== ']') {
    const low = next();
    let high = low;
    if (chars[i] === '-') {
      i += 1;
      high = next();
    }
    ranges.push([low, high]);
  }
  const token = (char: string): boolean => {
    const point = char.codePointAt(0) ?? 0;
    return ranges.some(([low, high]) => low <= point && point <= high) !== negated;
  };
  return { token, end: i };
}

/** One place to go back to is enough: what a later `*` takes, an earlier one need not. */
function matches(tokens: readonly Token[], name: readonly string[]): boolean {
  let [token, at] = [0, 0];
  let [starToken, starAt] = [-1, 0];
  while (at < name.length) {
    const test = tokens[token];
    if (test === '*') {
      [starToken, starAt] = [token, at];
      token += 1;
    } else if (test?.(name[at] ?? '')) {
      token += 1;
      at += 1;
    } else if (starToken >= 0) {
      starAt += 1;
      [token, at] = [starToken + 1, starAt];
    } else return false;
  }
  while (tokens[token] === '*') token += 1;
  return token === tokens.length;
}

function badPattern(pattern: string): LapidaryError {
  return new LapidaryError('PATTERN_INVALID', `${quoted(pattern)} is not a valid pattern`, {
    hint: 'close every [ with ], and put \\ before a character that should mean itself',
  });
}

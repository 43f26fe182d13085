/**
 * One step of a pattern over the characters of a path. `deep` is `**` with names behind it: nothing, or anything up to
 * and with a slash; it stands behind `maybe`, which may leave it out. `all` is `**` at the end.
 */
type Token =
  | { readonly kind: 'char'; readonly char: string }
  | { readonly kind: 'one' | 'star' | 'maybe' | 'deep' | 'all' }
  | {
      readonly kind: 'class';
      readonly negated: boolean;
      readonly ranges: readonly (readonly [string, string])[];
    };

/** Wildcards as the ignore file has them. */
export type IgnorePattern = readonly Token[];

const SPECIAL = /[*?[\]\\]/;

/**
 * A cleaned pattern as steps; `undefined` when it is malformed. `*` and `?` stop at slashes; `**` does not, also in the
 * middle of a name: `a**b` is `a`, then any number of whole names, then `b`.
 * Source: github.com/moby/patternmatcher; Go path/filepath Match.
 */
export function compileIgnorePattern(pattern: string): IgnorePattern | undefined {
  // `**.md` is everything that ends like this, but `**x*` begins at a name: what the peers do, kept for that reason
  if (pattern.startsWith('**') && !/^\**\//.test(pattern) && !SPECIAL.test(pattern.slice(2))) {
    return [{ kind: 'all' }, ...Array.from(pattern.slice(2), charToken)];
  }
  const chars = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; ) {
    const step = readToken(chars, at);
    if (step === undefined) return undefined;
    // `**` twice is no more than once
    if (step.tokens[0]?.kind !== 'maybe' || tokens.at(-1)?.kind !== 'deep') tokens.push(...step.tokens);
    at = step.next;
  }
  return tokens;
}

const charToken = (char: string): Token => ({ kind: 'char', char });

type Step = { readonly tokens: readonly Token[]; readonly next: number };

function readToken(chars: readonly string[], at: number): Step | undefined {
  const char = chars[at] ?? '';
  if (char === '*') return chars[at + 1] === '*' ? readDeep(chars, at + 2) : star(at + 1);
  if (char === '?') return { tokens: [{ kind: 'one' }], next: at + 1 };
  if (char === '[') return readClass(chars, at + 1);
  if (char !== '\\') return { tokens: [charToken(char)], next: at + 1 };
  const literal = chars[at + 1];
  return literal === undefined ? undefined : { tokens: [charToken(literal)], next: at + 2 };
}

const star = (next: number): Step => ({ tokens: [{ kind: 'star' }], next });

function readDeep(chars: readonly string[], from: number): Step {
  const next = chars[from] === '/' ? from + 1 : from;
  if (next >= chars.length) return { tokens: [{ kind: 'all' }], next };
  return { tokens: [{ kind: 'maybe' }, { kind: 'deep' }], next };
}

/** `[a-z]`, `[^a-z]`: not empty; `-` and `]` need a backslash. */
function readClass(chars: readonly string[], from: number): Step | undefined {
  const negated = chars[from] === '^';
  const ranges: [string, string][] = [];
  let at = negated ? from + 1 : from;
  while (chars[at] !== ']' || ranges.length === 0) {
    const low = readClassChar(chars, at);
    if (low === undefined) return undefined;
    const high = chars[low.next] === '-' ? readClassChar(chars, low.next + 1) : low;
    if (high === undefined || codeOf(high.char) < codeOf(low.char)) return undefined;
    ranges.push([low.char, high.char]);
    at = high.next;
  }
  return { tokens: [{ kind: 'class', negated, ranges }], next: at + 1 };
}

function readClassChar(
  chars: readonly string[],
  at: number,
): { readonly char: string; readonly next: number } | undefined {
  const char = chars[at];
  if (char === undefined || char === '-' || char === ']') return undefined;
  if (char !== '\\') return { char, next: at + 1 };
  const literal = chars[at + 1];
  return literal === undefined ? undefined : { char: literal, next: at + 2 };
}

const codeOf = (char: string): number => char.codePointAt(0) ?? 0;

/**
 * Whether the pattern matches the path or a directory above it. The time is at most the product of both lengths:
 * all ways to match are followed at once.
 */
export function matchesAtOrAbove(pattern: IgnorePattern, path: string): boolean {
  return run(pattern, path).matched;
}

/** Whether the pattern may match something below the path. */
export function mayMatchBelow(pattern: IgnorePattern, path: string): boolean {
  return run(pattern, `${path}/`).live.some((state) => state < pattern.length);
}

function run(
  pattern: IgnorePattern,
  path: string,
): { readonly matched: boolean; readonly live: readonly number[] } {
  const stamps = new Int32Array(pattern.length + 1).fill(-1);
  let [states, time, matched] = [[] as number[], 0, false];
  enter(0, { pattern, stamps, time, states });
  for (const char of path) {
    if (char === '/' && states.includes(pattern.length)) matched = true;
    time += 1;
    const next = { pattern, stamps, time, states: [] as number[] };
    for (const state of states) advance(state, char, next);
    states = next.states;
    if (states.length === 0) break;
  }
  return { matched: matched || states.includes(pattern.length), live: states };
}

type Reached = {
  readonly pattern: IgnorePattern;
  /** When a state was last reached, so that none is kept twice. */
  readonly stamps: Int32Array;
  readonly time: number;
  readonly states: number[];
};

/** Adds a state and those that need no character more. */
function enter(state: number, reached: Reached): void {
  if (reached.stamps[state] === reached.time) return;
  reached.stamps[state] = reached.time;
  const kind = reached.pattern[state]?.kind;
  if (kind !== 'maybe') reached.states.push(state);
  if (kind === 'star' || kind === 'all') enter(state + 1, reached);
  else if (kind === 'maybe') {
    enter(state + 1, reached);
    enter(state + 2, reached);
  }
}

function advance(state: number, char: string, next: Reached): void {
  const token = next.pattern[state];
  switch (token?.kind) {
    case 'char':
      if (token.char === char) enter(state + 1, next);
      return;
    case 'one':
      if (char !== '/') enter(state + 1, next);
      return;
    case 'class':
      if (inRanges(token.ranges, char) !== token.negated) enter(state + 1, next);
      return;
    case 'star':
      if (char !== '/') enter(state, next);
      return;
    case 'deep':
      enter(state, next);
      if (char === '/') enter(state + 1, next);
      return;
    case 'all':
      enter(state, next);
      return;
    default:
      return;
  }
}

function inRanges(ranges: readonly (readonly [string, string])[], char: string): boolean {
  const code = codeOf(char);
  return ranges.some(([low, high]) => codeOf(low) <= code && code <= codeOf(high));
}

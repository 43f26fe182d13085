/** A run of characters between two `*`; `undefined` stands for any one character (`?`). */
type Segment = readonly (string | undefined)[];

/** A shell pattern cut at its `*`: n stars give n+1 segments. */
export type Pattern = readonly Segment[];

/**
 * A backslash makes `*`, `?` and itself mean themselves, and goes before `}` and `/`; before anything else it is an
 * error, which gives `undefined`. `[` has no meaning, as in BuildKit.
 */
export function parsePattern(pattern: string): Pattern | undefined {
  const segments: (string | undefined)[][] = [[]];
  const chars = Array.from(pattern);
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i];
    if (char === '*') {
      // A star behind a star adds nothing
      if (segments.length === 1 || segments.at(-1)?.length !== 0) segments.push([]);
    } else if (char === '?') segments.at(-1)?.push(undefined);
    else if (char !== '\\') segments.at(-1)?.push(char);
    else {
      const next = chars[i + 1];
      if (next === undefined || !'*?\\}/'.includes(next)) return undefined;
      segments.at(-1)?.push(next);
      i += 1;
    }
  }
  return segments;
}

/** Wildcards do not match line ends. */
const fitsAt = (text: readonly string[], segment: Segment, at: number): boolean =>
  at + segment.length <= text.length &&
  segment.every((char, i) => (char === undefined ? text[at + i] !== '\n' : char === text[at + i]));

type Range = { readonly from: number; readonly to: number };

function firstFit(text: readonly string[], segment: Segment, { from, to }: Range): number {
  for (let at = from; at <= to && at + segment.length <= text.length; at++)
    if (fitsAt(text, segment, at)) return at;
  return -1;
}

function lastFit(text: readonly string[], segment: Segment, { from, to }: Range): number {
  for (let at = Math.min(to, text.length - segment.length); at >= from; at--)
    if (fitsAt(text, segment, at)) return at;
  return -1;
}

/** Where a match ends; or the first place behind which another try is worth it. */
type Match = { readonly end: number } | { readonly next: number };

/**
 * The match that begins at `at`. Segments in the middle are put as far left as they fit, which leaves the most room for
 * those behind them: what fails for them fails at every later start on the same line as well.
 */
function matchFrom(
  text: readonly string[],
  segments: Pattern,
  { at, greedy }: { readonly at: number; readonly greedy: boolean },
): Match {
  const [first = [], ...others] = segments;
  if (!fitsAt(text, first, at)) return { next: at + 1 };
  let end = at + first.length;
  for (const [i, segment] of others.entries()) {
    const lineEnd = text.indexOf('\n', end);
    const range = { from: end, to: lineEnd < 0 ? text.length : lineEnd };
    const found = (greedy && i === others.length - 1 ? lastFit : firstFit)(text, segment, range);
    if (found < 0) return { next: range.to + 1 };
    end = found + segment.length;
  }
  return { end };
}

export type TrimOptions = { readonly fromEnd: boolean; readonly greedy: boolean };

/** `${v#p}` and its relatives: removes the shortest (or longest) match at the start or the end. */
export function trimPattern(value: string, pattern: Pattern, { fromEnd, greedy }: TrimOptions): string {
  const text = Array.from(value);
  const found = fromEnd
    ? matchFrom(text.toReversed(), pattern.map((one) => one.toReversed()).toReversed(), { at: 0, greedy })
    : matchFrom(text, pattern, { at: 0, greedy });
  if (!('end' in found)) return value;
  return (fromEnd ? text.slice(0, text.length - found.end) : text.slice(found.end)).join('');
}

export type ReplaceOptions = {
  readonly replacement: string;
  readonly all: boolean;
  /** Ends early, with a result that is longer, when this many characters have been put in. */
  readonly maxLength: number;
};

/**
 * `${v/p/r}`: replaces the first longest match, or every one. An empty match counts, but not right behind another.
 * Where every match is replaced, `$0` in the replacement is what matched, `$$` a dollar, and any other `$name` nothing:
 * what Go's `ReplaceAllString` makes of it.
 */
export function replacePattern(
  value: string,
  pattern: Pattern,
  { replacement, all, maxLength }: ReplaceOptions,
): string {
  const text = Array.from(value);
  const out: string[] = [];
  let [at, copied, added] = [0, 0, 0];
  while (at <= text.length && added <= maxLength) {
    const found = matchFrom(text, pattern, { at, greedy: true });
    if (!('end' in found)) {
      at = found.next;
      continue;
    }
    const { end } = found;
    const fresh = end > copied || at === 0;
    for (; copied < at; copied++) out.push(text[copied] ?? '');
    if (fresh) {
      const matched = text.slice(at, end).join('');
      out.push(all ? fillTemplate(replacement, matched) : replacement);
      added += replacement.length + matched.length;
    }
    copied = end;
    if (!all) break;
    at = Math.max(end, at + 1);
  }
  return [...out, ...text.slice(copied)].join('');
}

const fillTemplate = (template: string, matched: string): string =>
  template.replace(/\$(?:(\$)|\{(\w+)\}|(\w+))/g, (_all, dollar?: string, braced?: string, bare?: string) => {
    if (dollar !== undefined) return dollar;
    return (braced ?? bare) === '0' ? matched : '';
  });

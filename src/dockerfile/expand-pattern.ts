/** A run of characters between two `*`; `undefined` stands for any one character (`?`). */
type Segment = readonly (string | undefined)[];

/**
 * A shell pattern cut at its `*`: n stars give n+1 segments. A backslash makes the next character mean itself; `[` has
 * no meaning, as in the peers.
 */
function segmentsOf(pattern: string): Segment[] {
  const segments: (string | undefined)[][] = [[]];
  const chars = Array.from(pattern);
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i];
    if (char === '*') {
      // A star behind a star adds nothing
      if (segments.length === 1 || segments.at(-1)?.length !== 0) segments.push([]);
    } else if (char === '?') segments.at(-1)?.push(undefined);
    else segments.at(-1)?.push(char === '\\' && i + 1 < chars.length ? chars[++i] : char);
  }
  return segments;
}

const fitsAt = (text: readonly string[], segment: Segment, at: number): boolean =>
  at + segment.length <= text.length &&
  segment.every((char, i) => char === undefined || char === text[at + i]);

function firstFit(text: readonly string[], segment: Segment, from: number): number {
  for (let at = from; at + segment.length <= text.length; at++) if (fitsAt(text, segment, at)) return at;
  return -1;
}

function lastFit(text: readonly string[], segment: Segment, from: number): number {
  for (let at = text.length - segment.length; at >= from; at--) if (fitsAt(text, segment, at)) return at;
  return -1;
}

/** Whether anything can match: `start` says no more than that the first segment does not fit here. */
type Match = { readonly end: number } | 'start' | 'never';

/**
 * The match that begins at `at`. Segments in the middle are put as far left as they fit, which leaves the most room for
 * those behind them: what fails for them fails at every later start as well (`never`).
 */
function matchFrom(
  text: readonly string[],
  segments: readonly Segment[],
  { at, greedy }: { readonly at: number; readonly greedy: boolean },
): Match {
  const [first = [], ...others] = segments;
  if (!fitsAt(text, first, at)) return 'start';
  let end = at + first.length;
  for (const [i, segment] of others.entries()) {
    const fit = greedy && i === others.length - 1 ? lastFit : firstFit;
    const found = fit(text, segment, end);
    if (found < 0) return 'never';
    end = found + segment.length;
  }
  return { end };
}

export type TrimOptions = { readonly fromEnd: boolean; readonly greedy: boolean };

/** `${v#p}` and its relatives: removes the shortest (or longest) match at the start or the end. */
export function trimPattern(value: string, pattern: string, { fromEnd, greedy }: TrimOptions): string {
  const text = Array.from(value);
  const segments = segmentsOf(pattern);
  const found = fromEnd
    ? matchFrom(text.toReversed(), segments.map((one) => one.toReversed()).toReversed(), { at: 0, greedy })
    : matchFrom(text, segments, { at: 0, greedy });
  if (typeof found === 'string') return value;
  return (fromEnd ? text.slice(0, text.length - found.end) : text.slice(found.end)).join('');
}

export type ReplaceOptions = {
  readonly replacement: string;
  readonly all: boolean;
  /** Ends early, with a result that is longer, when this many characters have been put in. */
  readonly maxLength: number;
};

/** `${v/p/r}`: replaces the first longest match, or every one. An empty match is not replaced. */
export function replacePattern(
  value: string,
  pattern: string,
  { replacement, all, maxLength }: ReplaceOptions,
): string {
  const text = Array.from(value);
  const segments = segmentsOf(pattern);
  const out: string[] = [];
  let [at, added] = [0, 0];
  while (at < text.length && added <= maxLength) {
    const found = matchFrom(text, segments, { at, greedy: true });
    if (found === 'never') break;
    if (found === 'start' || found.end === at) {
      out.push(text[at] ?? '');
      at += 1;
      continue;
    }
    out.push(replacement);
    added += replacement.length;
    at = found.end;
    if (!all) break;
  }
  return [...out, ...text.slice(at)].join('');
}

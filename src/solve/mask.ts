const STARS = Buffer.from('***');
/** Shorter values hide too little, and too much of everything else. */
const MIN_VALUE = 4;
/** Lines of a longer value that are worth hiding by themselves. */
const MIN_LINE = 8;
/** A longer line is looked for in pieces: so much is held back at most. */
const MAX_PATTERN = 1024;
const MAX_PATTERNS = 4096;

/**
 * Replaces secrets by `***` in a stream of bytes, however it is cut. Each secret is looked for as a whole, without the
 * line end that files have, and line by line. What may be the beginning of one is held back until more is known.
 */
export class Mask {
  /** Longest first. */
  readonly #patterns: readonly Buffer[];
  readonly #byFirst = new Map<number, Buffer[]>();
  #held: Buffer = Buffer.alloc(0);

  constructor(secrets: readonly Uint8Array[]) {
    this.#patterns = patternsOf(secrets);
    for (const pattern of this.#patterns) {
      const first = pattern[0] ?? 0;
      this.#byFirst.set(first, [...(this.#byFirst.get(first) ?? []), pattern]);
    }
  }

  /** What can be shown now. */
  push(data: Uint8Array): Uint8Array {
    if (this.#patterns.length === 0) return data;
    return this.#take(Buffer.concat([this.#held, data]), false);
  }

  /** The rest, at the end of the stream. */
  end(): Uint8Array {
    return this.#take(this.#held, true);
  }

  #take(data: Buffer, isLast: boolean): Uint8Array {
    const out: Buffer[] = [];
    const places = this.#patterns.map((pattern) => ({ pattern, start: 0 }));
    let at = 0;
    for (let next = nextIn(data, places, at); next !== undefined; next = nextIn(data, places, at)) {
      out.push(data.subarray(at, next.start), STARS);
      at = next.start + next.pattern.length;
    }
    const end = isLast ? data.length : this.#safeEnd(data, at);
    out.push(data.subarray(at, end));
    this.#held = Buffer.from(data.subarray(end));
    return Buffer.concat(out);
  }

  /** Where the first secret may begin that goes on behind the end; else the end. */
  #safeEnd(data: Buffer, from: number): number {
    const longest = this.#patterns[0]?.length ?? 0;
    for (let at = Math.max(from, data.length - longest + 1); at < data.length; at++) {
      const tail = data.subarray(at);
      const begins = (pattern: Buffer): boolean =>
        pattern.length > tail.length && pattern.subarray(0, tail.length).equals(tail);
      if (this.#byFirst.get(data[at] ?? 0)?.some(begins)) return at;
    }
    return data.length;
  }
}

/** Where each pattern comes next; behind the end when it does not. */
type Place = { readonly pattern: Buffer; start: number };

/** The first of all from `from` on; of several that start together the longest, as patterns come longest first. */
function nextIn(data: Buffer, places: readonly Place[], from: number): Place | undefined {
  let found: Place | undefined;
  for (const place of places) {
    if (place.start < from || place.start === 0) {
      const start = data.indexOf(place.pattern, from);
      place.start = start < 0 ? Number.POSITIVE_INFINITY : start;
    }
    if (place.start < (found?.start ?? Number.POSITIVE_INFINITY)) found = place;
  }
  return found;
}

function patternsOf(secrets: readonly Uint8Array[]): Buffer[] {
  const texts = new Set<string>();
  for (const secret of secrets) {
    const whole = Buffer.from(secret)
      .toString('latin1')
      .replace(/[\r\n]+$/, '');
    if (whole.length >= MIN_VALUE && whole.length <= MAX_PATTERN) texts.add(whole);
    for (const line of whole.split(/\r?\n/)) for (const piece of piecesOf(line.trim())) texts.add(piece);
  }
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  return longestFirst.slice(0, MAX_PATTERNS).map((text) => Buffer.from(text, 'latin1'));
}

function piecesOf(line: string): string[] {
  const count = Math.ceil(line.length / MAX_PATTERN);
  const pieces = Array.from({ length: count }, (_, i) => line.slice(i * MAX_PATTERN, (i + 1) * MAX_PATTERN));
  return pieces.filter((piece) => piece.length >= MIN_LINE);
}

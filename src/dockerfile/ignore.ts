import { LapidaryError, quoted } from '../errors/index.ts';

type Rule = {
  readonly line: number;
  readonly negated: boolean;
  /** Components; `**` matches any number of them. */
  readonly parts: readonly (RegExp | '**')[];
};

/**
 * The rules of a `.dockerignore`. Paths are relative to the context with slashes and no leading one. A rule that
 * matches a directory holds for everything below it; of several rules the last one that matches decides.
 * Source: Dockerfile reference, ".dockerignore file"; github.com/moby/patternmatcher.
 */
export class IgnoreRules {
  readonly #rules: readonly Rule[];
  readonly #hasExceptions: boolean;

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
    this.#hasExceptions = rules.some((rule) => rule.negated);
  }

  /** Whether a path is excluded. */
  match(path: string): boolean {
    return this.explain(path).excluded;
  }

  /** The same, with the line (from 1) of the rule that decided; no line when no rule matches. */
  explain(path: string): { readonly excluded: boolean; readonly line: number | undefined } {
    const names = path.split('/');
    for (let i = this.#rules.length - 1; i >= 0; i--) {
      const rule = this.#rules[i];
      if (rule && matchesAtOrAbove(rule.parts, names)) return { excluded: !rule.negated, line: rule.line };
    }
    return { excluded: false, line: undefined };
  }

  /** Whether nothing below a directory can be included, so that nobody needs to look into it. */
  canSkipDirectory(path: string): boolean {
    if (!this.match(path)) return false;
    if (!this.#hasExceptions) return true;
    const names = path.split('/');
    return !this.#rules.some((rule) => rule.negated && mayMatchBelow(rule.parts, names));
  }
}

/** @throws LapidaryError PATTERN_INVALID naming the line */
export function parseIgnore(text: string): IgnoreRules {
  const rules: Rule[] = [];
  for (const [index, raw] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    if (raw.startsWith('#')) continue;
    const trimmed = raw.trim();
    const negated = trimmed.startsWith('!');
    const pattern = (negated ? trimmed.slice(1) : trimmed).trim();
    if (pattern === '') {
      if (negated) throw badRule(trimmed, index + 1);
      continue;
    }
    const names = cleanPattern(pattern);
    // `.` and `/` are the context itself: as a rule they match nothing below it, as in Docker
    if (names.length === 0) continue;
    const parts = names.map((name) => (name === '**' ? name : componentPattern(name, index + 1)));
    rules.push({ line: index + 1, negated, parts });
  }
  return new IgnoreRules(rules);
}

function cleanPattern(pattern: string): string[] {
  const names: string[] = [];
  for (const name of pattern.split('/')) {
    if (name === '' || name === '.') continue;
    if (name === '..') names.pop();
    else if (name !== '**' || names.at(-1) !== '**') names.push(name);
  }
  return names;
}

/** One component: `*`, `?`, `[a-z]`, `\x`; `**` inside of a name is a `*`. */
function componentPattern(name: string, line: number): RegExp {
  let source = '';
  for (let i = 0; i < name.length; i++) {
    const char = name[i] ?? '';
    if (char === '*') {
      while (name[i + 1] === '*') i += 1;
      source += '[^/]*';
    } else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const end = name.indexOf(']', i + 2);
      if (end < 0) throw badRule(name, line);
      source += characterClass(name.slice(i + 1, end), name, line);
      i = end;
    } else {
      if (char === '\\') i += 1;
      const literal = name[i];
      if (literal === undefined) throw badRule(name, line);
      source += literal.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 's');
}

function characterClass(body: string, name: string, line: number): string {
  const negated = body.startsWith('^');
  const inner = (negated ? body.slice(1) : body).replace(/[\\[\]^]/g, (char) =>
    char === '\\' ? char : `\\${char}`,
  );
  try {
    const source = `[${negated ? '^' : ''}${inner}]`;
    new RegExp(source).test('');
    return source;
  } catch {
    throw badRule(name, line);
  }
}

function badRule(pattern: string, line: number): LapidaryError {
  return new LapidaryError(
    'PATTERN_INVALID',
    `line ${line} of the ignore file is not a valid pattern: ${quoted(pattern)}`,
    {
      hint: 'close every [ with ]; ! needs a pattern behind it',
    },
  );
}

/** Whether the pattern matches the path or a directory above it. */
function matchesAtOrAbove(parts: Rule['parts'], names: readonly string[]): boolean {
  return states(parts, names).some((set) => set.has(parts.length));
}

/** Whether the pattern may match something below the path. */
function mayMatchBelow(parts: Rule['parts'], names: readonly string[]): boolean {
  return (states(parts, names).at(-1)?.size ?? 0) > 0;
}

/** For every prefix of the path, how many parts of the pattern it may have used up. Never backtracks. */
function states(parts: Rule['parts'], names: readonly string[]): Set<number>[] {
  let current = closure(parts, new Set([0]));
  const all: Set<number>[] = [];
  for (const name of names) {
    const next = new Set<number>();
    for (const state of current) {
      const part = parts[state];
      if (part === '**') next.add(state);
      else if (part?.test(name)) next.add(state + 1);
    }
    // A trailing `**` needs at least one name of its own: `a/**` is what is below a, not a itself
    const inTrailing = parts.at(-1) === '**' && !current.has(parts.length - 1);
    current = closure(parts, next);
    if (inTrailing) current.delete(parts.length);
    all.push(current);
  }
  return all;
}

/** `**` may also match nothing at all. */
function closure(parts: Rule['parts'], set: Set<number>): Set<number> {
  for (const state of set) if (parts[state] === '**') set.add(state + 1);
  return set;
}

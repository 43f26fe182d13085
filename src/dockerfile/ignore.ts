import { LapidaryError, quoted } from '../errors/index.ts';
import {
  compileIgnorePattern,
  type IgnorePattern,
  matchesAtOrAbove,
  mayMatchBelow,
} from './ignore-pattern.ts';

type Rule = {
  readonly line: number;
  readonly negated: boolean;
  /** The whole pattern, or what stands behind a leading double star, where that has no wildcards: no matcher then. */
  readonly exact: string | undefined;
  readonly anywhere: boolean;
  readonly pattern: IgnorePattern;
};

/**
 * The rules of a `.dockerignore`. Paths are relative to the context with slashes and no leading one. A rule that
 * matches a directory holds for everything below it; of several rules the last one that matches decides. The context
 * itself (`.` or empty) is never excluded.
 * Source: Dockerfile reference, ".dockerignore file"; github.com/moby/patternmatcher.
 */
export class IgnoreRules {
  /** As they were written. */
  readonly text: string;
  readonly #rules: readonly Rule[];

  constructor(text: string, rules: readonly Rule[]) {
    this.text = text;
    this.#rules = rules;
  }

  /** Whether a path is excluded. */
  match(path: string): boolean {
    return this.explain(path).excluded;
  }

  /** The same, with the line (from 1) of the rule that decided; no line when no rule matches. */
  explain(path: string): { readonly excluded: boolean; readonly line: number | undefined } {
    const rule = this.#rules[this.#deciding(path)];
    return { excluded: rule !== undefined && !rule.negated, line: rule?.line };
  }

  /**
   * Whether nothing below a directory can be included, so that nobody needs to look into it. The rule that excludes it
   * holds below it as well, so only an exception that stands behind that rule can bring something back.
   */
  canSkipDirectory(path: string): boolean {
    const deciding = this.#deciding(path);
    const rule = this.#rules[deciding];
    if (rule === undefined || rule.negated) return false;
    return !this.#rules.slice(deciding + 1).some((later) => later.negated && mayHold(later, path));
  }

  /** Index of the last rule that matches, -1 when none does. */
  #deciding(path: string): number {
    if (path === '' || path === '.') return -1;
    return this.#rules.findLastIndex((rule) => holds(rule, path));
  }
}

function holds({ exact, anywhere, pattern }: Rule, path: string): boolean {
  if (exact === undefined) return matchesAtOrAbove(pattern, path);
  if (anywhere) return `/${path}/`.includes(`/${exact}/`);
  return path.startsWith(exact) && (path.length === exact.length || path[exact.length] === '/');
}

/** Whether a rule may match something below a directory. */
function mayHold({ exact, anywhere, pattern }: Rule, path: string): boolean {
  if (anywhere) return true;
  return exact === undefined ? mayMatchBelow(pattern, path) : exact.startsWith(`${path}/`);
}

/** @throws LapidaryError PATTERN_INVALID naming the line */
export function parseIgnore(text: string): IgnoreRules {
  const rules: Rule[] = [];
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#')) continue;
    const rule = parseRule(line.trim(), index + 1);
    if (rule !== undefined) rules.push(rule);
  }
  return new IgnoreRules(text, rules);
}

function parseRule(text: string, line: number): Rule | undefined {
  const negated = text.startsWith('!');
  const written = (negated ? text.slice(1) : text).trim();
  if (written === '' && !negated) return undefined;
  const cleaned = cleanPattern(written);
  const pattern = written === '' ? undefined : compileIgnorePattern(cleaned);
  if (pattern === undefined) throw badRule(text, line);
  // The context itself and what is outside of it: such rules match nothing, as in Docker
  if (cleaned === '' || cleaned === '..' || cleaned.startsWith('../')) return undefined;
  const anywhere = pattern[0]?.kind === 'maybe' && isLiteral(pattern.slice(2));
  const literal = anywhere ? pattern.slice(2) : pattern;
  const exact = isLiteral(literal) ? literal.map(charOf).join('') : undefined;
  return { line, negated, exact, anywhere, pattern };
}

const isLiteral = (pattern: IgnorePattern): boolean => pattern.every((token) => token.kind === 'char');
const charOf = (token: IgnorePattern[number]): string => (token.kind === 'char' ? token.char : '');

/** Without empty names, `.` and, where a name stands before it, `..`; a leading slash is dropped. */
function cleanPattern(pattern: string): string {
  const names: string[] = [];
  for (const name of pattern.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.length > 0 && names.at(-1) !== '..') names.pop();
    else if (!pattern.startsWith('/')) names.push(name);
  }
  return names.join('/');
}

function badRule(pattern: string, line: number): LapidaryError {
  return new LapidaryError(
    'PATTERN_INVALID',
    `line ${line} of the ignore file is not a valid pattern: ${quoted(pattern)}`,
    { hint: 'close every [ with ], put something behind \\ and !, and \\ before - and ] in brackets' },
  );
}

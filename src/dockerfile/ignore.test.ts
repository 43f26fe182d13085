import { readFileSync } from 'node:fs';
import { normalize } from 'node:path/posix';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuMsOf } from '../../test/support/cpu-time.ts';
import { LapidaryError } from '../errors/index.ts';
import { parseIgnore } from './ignore.ts';

const corpus = readFileSync(new URL('../../test/fixtures/dockerignore.txt', import.meta.url), 'utf8')
  .split('\n\n')
  .flatMap((block) => {
    const lines = block.split('\n').filter((line) => line !== '' && !line.startsWith('# '));
    const rules = lines[0]?.replace('rules: ', '') ?? '';
    return lines.slice(1).map((line) => {
      const excluded = line.startsWith('-');
      return { rules, path: excluded ? line.slice(1) : line, excluded };
    });
  });

describe('the corpus', () => {
  test('is read', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(80);
  });
  test.for(corpus)('$rules: $path excluded is $excluded', ({ rules, path, excluded }) => {
    expect(parseIgnore(rules.replaceAll(' ', '\n')).match(path)).toBe(excluded);
  });
});

describe('the text of the file', () => {
  test.for<{ name: string; text: string; path: string }>([
    { name: 'comments are no rules', text: '#a\na', path: 'a' },
    { name: 'a byte order mark is skipped', text: '\uFEFFa', path: 'a' },
    { name: 'carriage returns are skipped', text: 'a\r\nb\r\n', path: 'b' },
    { name: 'white space around a rule is skipped', text: '  a \t\n', path: 'a' },
    { name: 'white space behind ! is skipped', text: '*\n! b\nb', path: 'b' },
  ])('$name', ({ text, path }) => {
    expect(parseIgnore(text).match(path)).toBe(true);
  });
  test.for(['[', 'a[b', '!', 'a\\', '[]a]', '[-x]', '[x-]', '[a-b-c]', '[z-a]', '[^', '[^]', '!['])(
    '%j is an error that names its line',
    (rule) => {
      expect(() => parseIgnore(`x\n${rule}`)).toThrow('line 2 of the ignore file');
    },
  );
  test('the rule that decided is named', () => {
    const rules = parseIgnore('# head\n*.md\n!a.md\n');
    expect(rules.explain('b.md')).toEqual({ excluded: true, line: 2 });
    expect(rules.explain('a.md')).toEqual({ excluded: false, line: 3 });
    expect(rules.explain('c')).toEqual({ excluded: false, line: undefined });
  });
  test('the context itself is never excluded', () => {
    const rules = parseIgnore('**\n.\n*');
    expect([rules.match('.'), rules.match(''), rules.canSkipDirectory('.')]).toEqual([false, false, false]);
  });
});

describe('directories that need not be looked into', () => {
  test.for<{ name: string; rules: string; path: string; want: boolean }>([
    { name: 'excluded, no exceptions', rules: 'd', path: 'd', want: true },
    { name: 'included', rules: 'e', path: 'd', want: false },
    { name: 'an exception below it', rules: 'd !d/e/f', path: 'd', want: false },
    { name: 'an exception elsewhere', rules: 'd !e/f', path: 'd', want: true },
    { name: 'an exception for a name that only begins the same', rules: 'd !de/f', path: 'd', want: true },
    { name: 'an exception anywhere', rules: '* !**/keep', path: 'd', want: false },
    { name: 'an exception that a later rule takes back', rules: 'd !d/e d/e', path: 'd/e', want: true },
    { name: 'an exception in front of the rule', rules: '!d/e d', path: 'd', want: true },
    { name: 'an exception of another depth', rules: '** !*/x', path: 'a/b', want: true },
    { name: 'an exception of the same depth', rules: '** !*/x', path: 'a', want: false },
  ])('$name', ({ rules, path, want }) => {
    expect(parseIgnore(rules.replaceAll(' ', '\n')).canSkipDirectory(path)).toBe(want);
  });
});

test.for<{ name: string; rule: string; path: string }>([
  { name: 'many stars in a name', rule: `${'*a'.repeat(100)}b`, path: 'a'.repeat(255) },
  { name: 'many double stars', rule: `${'**/a/'.repeat(100)}b`, path: 'a/'.repeat(2000) },
  { name: 'a row of stars', rule: '*'.repeat(200_001), path: 'a/'.repeat(1000) },
  { name: 'a long class', rule: `[${'ab'.repeat(10_000)}]x`, path: `${'y'.repeat(50)}/x` },
])('$name end in bounded time', ({ rule, path }) => {
  const spent = cpuMsOf(() => expect(typeof parseIgnore(rule).match(path)).toBe('boolean'));
  expect(spent).toBeLessThan(1000);
});

/** The peers' way: one regular expression for the whole path, tried on the path and on everything above it. */
function naive(pattern: string, path: string): boolean {
  const names = path.split('/');
  return names.some((_, i) => fits(pattern, names.slice(0, i + 1).join('/')));
}
function fits(pattern: string, path: string): boolean {
  const tail = pattern.slice(2);
  if (pattern.startsWith('**') && !/[*?[]/.test(tail)) {
    return path.endsWith(tail) || (tail.startsWith('/') && path === tail.slice(1));
  }
  const source = pattern.replace(/\*\*\/?$|\*\*\/?|\*|\?|\[[^\]]*\]|./g, (part, at: number) => {
    if (part.startsWith('**')) return at + part.length === pattern.length ? '.*' : '(.*/)?';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    return part.replace('.', '\\.');
  });
  return new RegExp(`^${source}$`).test(path);
}

/** Anything but an answer or a LapidaryError goes through. */
function outcome(rules: string, path: string): string {
  try {
    return typeof parseIgnore(rules).canSkipDirectory(path);
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    return error.code;
  }
}

describe('against a naive matcher', () => {
  const piece = fc.constantFrom('a', 'b', '*', '**', '?', '/', '/**/', '[ab]', '[^a]', '.', 'ab');
  const pattern = fc
    .array(piece, { minLength: 1, maxLength: 6 })
    .map((all) => normalize(all.join('')).replace(/^\/|\/$/g, ''))
    .filter((text) => !['', '.'].includes(text) && !text.startsWith('..'));
  const name = fc
    .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
    .map((all) => all.join(''));
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
  const rules = fc.array(fc.tuple(fc.boolean(), pattern), { minLength: 1, maxLength: 4 });
  const text = (all: readonly (readonly [boolean, string])[]): string =>
    all.map(([negated, one]) => `${negated ? '!' : ''}${one}`).join('\n');

  test('the same paths are excluded', () => {
    fc.assert(
      fc.property(rules, path, (all, path) => {
        const last = all.findLast(([, one]) => naive(one, path));
        expect(parseIgnore(text(all)).match(path)).toBe(last !== undefined && !last[0]);
      }),
      { numRuns: 3000 },
    );
  });

  test('nothing that is included lies below a directory that may be skipped', () => {
    fc.assert(
      fc.property(rules, path, (all, path) => {
        const ignore = parseIgnore(text(all));
        const names = path.split('/');
        const above = names.slice(1).map((_, i) => names.slice(0, i + 1).join('/'));
        const skipped = above.some((directory) => ignore.canSkipDirectory(directory));
        expect(skipped && !ignore.match(path)).toBe(false);
      }),
      { numRuns: 3000 },
    );
  });

  test('whatever the text, it is a set of rules or an error that names a line', () => {
    const hostile = fc.array(fc.constantFrom(...'[]^-\\!*?/.#a \n'.split('')), { maxLength: 12 });
    fc.assert(
      fc.property(hostile, path, (chars, path) => {
        expect(['boolean', 'PATTERN_INVALID']).toContain(outcome(chars.join(''), path));
      }),
      { numRuns: 3000 },
    );
  });
});

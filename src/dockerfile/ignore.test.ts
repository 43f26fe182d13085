import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
  test.for(['[', 'a[b', '!', 'a\\'])('%j is an error that names its line', (rule) => {
    expect(() => parseIgnore(`x\n${rule}`)).toThrow('line 2 of the ignore file');
  });
  test('the rule that decided is named', () => {
    const rules = parseIgnore('# head\n*.md\n!a.md\n');
    expect(rules.explain('b.md')).toEqual({ excluded: true, line: 2 });
    expect(rules.explain('a.md')).toEqual({ excluded: false, line: 3 });
    expect(rules.explain('c')).toEqual({ excluded: false, line: undefined });
  });
});

/** By trying everything: whether a pattern matches a path or one above it. */
function naive(pattern: readonly string[], path: readonly string[]): boolean {
  return path.some((_, i) => fits(pattern, path.slice(0, i + 1)));
}
function fits(pattern: readonly string[], path: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return path.length === 0;
  if (first === '**') {
    if (rest.length === 0) return path.length > 0;
    return path.some((_, i) => fits(rest, path.slice(i))) || fits(rest, []);
  }
  return path.length > 0 && nameFits(first, path[0] ?? '') && fits(rest, path.slice(1));
}
function nameFits(pattern: string, name: string): boolean {
  if (pattern === '') return name === '';
  if (pattern.startsWith('*'))
    return nameFits(pattern.slice(1), name) || (name !== '' && nameFits(pattern, name.slice(1)));
  return (
    name !== '' &&
    (pattern.startsWith('?') || pattern[0] === name[0]) &&
    nameFits(pattern.slice(1), name.slice(1))
  );
}

describe('against a naive matcher', () => {
  const names = (chars: string): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...chars.split('')), { minLength: 1, maxLength: 3 }).map((all) => all.join(''));
  const patternName = fc.oneof(
    names('ab*?').filter((name) => !name.includes('**')),
    fc.constant('**'),
  );
  const pattern = fc
    .array(patternName, { minLength: 1, maxLength: 4 })
    .map((all) => all.filter((name, i) => name !== '**' || all[i - 1] !== '**'));
  const path = fc.array(names('ab'), { minLength: 1, maxLength: 4 });
  const rules = fc.array(fc.tuple(fc.boolean(), pattern), { minLength: 1, maxLength: 4 });
  const text = (all: readonly (readonly [boolean, readonly string[]])[]): string =>
    all.map(([negated, one]) => `${negated ? '!' : ''}${one.join('/')}`).join('\n');

  test('the same paths are excluded', () => {
    fc.assert(
      fc.property(rules, path, (all, names_) => {
        const last = all.findLast(([, one]) => naive(one, names_));
        expect(parseIgnore(text(all)).match(names_.join('/'))).toBe(last !== undefined && !last[0]);
      }),
      { numRuns: 2000 },
    );
  });

  test('nothing that is included lies below a directory that may be skipped', () => {
    fc.assert(
      fc.property(rules, path, (all, names_) => {
        const ignore = parseIgnore(text(all));
        const above = names_.slice(1).map((_, i) => names_.slice(0, i + 1).join('/'));
        const skipped = above.some((path) => ignore.canSkipDirectory(path));
        expect(skipped && !ignore.match(names_.join('/'))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

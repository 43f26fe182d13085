import { describe, expect, test } from 'vitest';
import { hasWildcard, nameMatcher } from './glob.ts';

describe('a component of a pattern', () => {
  test.for<[pattern: string, name: string, want: boolean]>([
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['*', 'abc', true],
    ['*', '', true],
    ['*', '.hidden', true],
    ['*c', 'abc', true],
    ['*c', 'abcd', false],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['a*b*c', 'aXbYc', true],
    ['a*b*c', 'aXcYb', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['**', 'abc', true],
    ['?', 'a', true],
    ['?', '', false],
    ['?', 'ab', false],
    ['?', '\u{1f600}', true],
    ['caf?', 'caf\udce9', true],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['[a-zA-Z]', 'Q', true],
    ['[é-ü]', 'ö', true],
    [String.raw`a\*b`, 'a*b', true],
    [String.raw`a\*b`, 'aXb', false],
    [String.raw`[\]a]`, ']', true],
    [String.raw`[\-]`, '-', true],
    [String.raw`[x\-]`, 'z', false],
    ['[z-a]', 'm', false],
    [`${'a*'.repeat(30)}b`, 'a'.repeat(60), false], // takes no time
  ])('%s and %j: %s', ([pattern, name, want]) => {
    expect(nameMatcher(pattern)(name)).toBe(want);
  });

  test.for(['[', '[a', '[]', '[]a]', '[-]', '[x-]', '[-x]', '[a-b-c]', '[^', 'a\\', '[a\\', '[^]'])(
    '%s is malformed',
    (pattern) => {
      expect(() => nameMatcher(pattern)).toThrow(expect.objectContaining({ code: 'PATTERN_INVALID' }));
    },
  );

  test.for<[name: string, want: boolean]>([
    ['a*', true],
    ['a?', true],
    ['[a]', true],
    ['abc', false],
    [String.raw`a\*`, false],
    [String.raw`a\\*`, true],
  ])('%s may match several names: %s', ([name, want]) => {
    expect(hasWildcard(name)).toBe(want);
  });
});

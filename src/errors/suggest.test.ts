import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { suggest } from './suggest.ts';

describe('suggest', () => {
  test.for([
    { name: 'swapped letters', word: 'form', among: ['from', 'chown'], want: 'from' },
    { name: 'a missing letter', word: 'chow', among: ['chmod', 'chown'], want: 'chown' },
    { name: 'case does not count', word: 'FORM', among: ['from'], want: 'from' },
    { name: 'the nearest, not the first', word: 'COPPY', among: ['COP', 'COPY'], want: 'COPY' },
    { name: 'the first of equals', word: 'ax', among: ['ab', 'ac'], want: 'ab' },
    { name: 'a short word may have one edit', word: 'rn', among: ['run'], want: 'run' },
    { name: 'too far', word: 'banana', among: ['from', 'chown'], want: undefined },
    { name: 'a short word with two edits is too far', word: 'xyn', among: ['run'], want: undefined },
    { name: 'no candidates', word: 'x', among: [], want: undefined },
    { name: 'itself', word: 'from', among: ['form', 'from'], want: 'from' },
  ])('$name', ({ word, among, want }) => {
    expect(suggest(word, among)).toBe(want);
  });

  test('a word is its own nearest', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), (word, others) => {
        expect(suggest(word, [...others, word])?.toLowerCase()).toBe(word.toLowerCase());
      }),
    );
  });
});

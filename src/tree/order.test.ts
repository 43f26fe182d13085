import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodePathText } from '../tar/index.ts';
import { comparePaths, sortEntries } from './order.ts';
import { finish } from './steps.ts';
import { entries, summary } from './testing.ts';

describe('canonical order', () => {
  test.for<[before: string, after: string]>([
    ['', 'a'],
    ['a', 'b'],
    ['a', 'a/b'],
    ['a/z', 'a b'],
    ['a/z', 'a-'],
    ['a/z', 'a.d'],
    ['a/b/c', 'a/bb'],
    ['a/b', 'ab'],
    ['Z', 'a'],
    ['a', 'aa'],
    ['z', 'é'],
    ['\uffee', '\u{1f600}'],
    ['\u{1f600}', '\u{1f601}'],
    ['a\u{1f600}/x', 'a\u{1f601}'],
    ['\udc80', 'é'],
    ['é', '\udce9'],
    ['\u{1f600}', '\udcff'],
    ['\ufffd', '\udcff/x'],
  ])('%j before %j', ([before, after]) => {
    expect(Math.sign(comparePaths(before, after))).toBe(-1);
    expect(Math.sign(comparePaths(after, before))).toBe(1);
    expect(comparePaths(after, after)).toBe(0);
  });

  test('at one path: whiteout, node, opaque marker', () => {
    expect(summary(finish(sortEntries(entries('a/x', 'a/!', 'b', 'a/', '!a'))))).toEqual([
      '!a',
      'a/',
      'a/!',
      'a/x',
      'b',
    ]);
  });

  test('is the order of the bytes of the names', () => {
    const name = fc.array(
      fc.constantFrom('a', 'b', '-', '.', '\ud7ff', '\ue000', '\u{10000}', '\u{10ffff}', '\udc80'),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    const path = fc.array(name, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(path, path, (a, b) => {
        const [left, right] = [a, b].map((names) => names.map((units) => units.join('')));
        expect(Math.sign(comparePaths((left ?? []).join('/'), (right ?? []).join('/')))).toBe(
          naiveOrder(left ?? [], right ?? []),
        );
      }),
    );
  });
});

function naiveOrder(a: readonly string[], b: readonly string[]): number {
  for (const [i, name] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const order = Buffer.compare(encodePathText(name), encodePathText(other));
    if (order !== 0) return order;
  }
  return Math.sign(a.length - b.length);
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { eachStep, finish, mapSteps, type Steps, sliceSteps, sortSteps } from './steps.ts';

/** How often a computation pauses. */
function pauses(steps: Steps<unknown>): number {
  let count = 0;
  while (steps.next().done !== true) count += 1;
  return count;
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => (n * 7919) % count);

test('finish gives what a computation comes to, or throws what it throws', () => {
  expect(finish(mapSteps(numbers(1000), (n) => n + 1))).toEqual(numbers(1000).map((n) => n + 1));
  const failing = eachStep([1, 2], (n) => {
    if (n === 2) throw new Error('two');
  });
  expect(() => finish(failing)).toThrow('two');
});

test('slices hold everything once and in order', () => {
  const slices: (readonly number[])[] = [];
  finish(sliceSteps(numbers(1000), (slice) => slices.push(slice)));
  expect(slices.flat()).toEqual(numbers(1000));
});

test('sorts as toSorted does, stable', () => {
  const keyed = fc.array(fc.record({ key: fc.nat({ max: 50 }), tag: fc.nat() }), { maxLength: 2000 });
  fc.assert(
    fc.property(keyed, (items) => {
      const byKey = (a: { key: number }, b: { key: number }): number => a.key - b.key;
      expect(finish(sortSteps(items, byKey))).toEqual(items.toSorted(byKey));
    }),
    { numRuns: 50 },
  );
});

test.for<{ name: string; steps: Steps<unknown>; most: number }>([
  { name: 'each', steps: eachStep(numbers(10_000), () => undefined), most: 256 },
  { name: 'slice', steps: sliceSteps(numbers(10_000), () => undefined), most: 256 },
  { name: 'sort', steps: sortSteps(numbers(10_000), (a, b) => a - b), most: 256 },
  {
    name: 'sort of what is sorted',
    steps: sortSteps(
      numbers(10_000).sort((a, b) => a - b),
      (a, b) => a - b,
    ),
    most: 256,
  },
])('pauses at least every $most items: $name', ({ steps, most }) => {
  expect(pauses(steps)).toBeGreaterThanOrEqual(Math.floor(10_000 / most));
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eachStep, type Steps } from '../tree/index.ts';
import { inTurns, nextTurn } from './turns.ts';

/** The clock, which stands still but for `busy`. */
let nowMs = performance.now();
/** Turns of the event loop so far. */
let turns = 0;
let counting: NodeJS.Immediate;
const count = (): void => {
  turns += 1;
  counting = setImmediate(count);
};
beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  counting = setImmediate(count);
});
afterEach(() => {
  clearImmediate(counting);
  vi.restoreAllMocks();
});

function* busy(ms: number): Steps<string> {
  for (let passed = 0; passed < ms; passed++) {
    nowMs += 1;
    yield;
  }
  return 'done';
}

test('gives what the computation comes to, and a turn to others every 10 ms', async () => {
  const before = turns;
  expect(await inTurns(busy(200))).toBe('done');
  expect(turns - before).toBeGreaterThanOrEqual(19);
});

test('several computations share the turns', async () => {
  const before = turns;
  await Promise.all([inTurns(busy(100)), inTurns(busy(100)), inTurns(busy(100))]);
  expect(turns - before).toBeGreaterThanOrEqual(27);
});

test('those who wait go on one in each turn, in the order they came', async () => {
  const seen: (readonly [string, number])[] = [];
  const wait = async (name: string): Promise<void> => {
    await nextTurn();
    seen.push([name, turns]);
  };
  await Promise.all([wait('a'), wait('b'), wait('c')]);
  expect(seen.map(([name]) => name)).toEqual(['a', 'b', 'c']);
  expect(new Set(seen.map(([, turn]) => turn)).size).toBe(3);
});

test('throws what the computation throws', async () => {
  const failing = eachStep([1], () => {
    throw new Error('one');
  });
  await expect(inTurns(failing)).rejects.toThrow('one');
});

import { describe, expect, test } from 'vitest';
import { readAhead } from './read-ahead.ts';

async function* source(log: string[], fail?: number): AsyncGenerator<number> {
  try {
    for (let n = 1; n <= 3; n++) {
      if (n === fail) throw new Error(`no ${n}`);
      log.push(`made ${n}`);
      yield n;
    }
  } finally {
    log.push('ended');
  }
}

describe('reading ahead', () => {
  test('gives every piece in order, the next one made while one is in work', async () => {
    const log: string[] = [];
    for await (const n of readAhead(source(log))) {
      await new Promise((resume) => setImmediate(resume));
      log.push(`used ${n}`);
    }
    expect(log).toEqual(['made 1', 'made 2', 'used 1', 'made 3', 'used 2', 'ended', 'used 3']);
  });

  test('throws what the source throws after the pieces before it', async () => {
    const got: number[] = [];
    const all = async (): Promise<void> => {
      for await (const n of readAhead(source([], 3))) got.push(n);
    };
    await expect(all()).rejects.toThrow('no 3');
    expect(got).toEqual([1, 2]);
  });

  test('ends the source when the iteration ends early', async () => {
    const log: string[] = [];
    for await (const n of readAhead(source(log))) if (n === 1) break;
    expect(log).toEqual(['made 1', 'made 2', 'ended']);
  });
});

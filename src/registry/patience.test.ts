import { describe, expect, test } from 'vitest';
import { Fault } from './fault.ts';
import { backoffMs, Patience, parseRetryAfter } from './patience.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryEvent } from './types.ts';

const error = new RegistryError('REGISTRY_FAILED', {
  method: 'GET',
  url: new URL('https://h/v2/'),
  status: 503,
});

describe('parseRetryAfter', () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  test.for([
    [undefined, undefined],
    ['', undefined],
    ['7', 7000],
    [' 120 ', 120_000],
    ['-1', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['99999999999999', undefined],
    ['Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
  ] as const)('%s', ([value, want]) => {
    expect(parseRetryAfter(value, now)).toBe(want);
  });
});

describe('backoffMs', () => {
  test.for([
    { attempt: 0, random: 0, want: 250 },
    { attempt: 0, random: 1, want: 500 },
    { attempt: 3, random: 1, want: 4000 },
    { attempt: 1000, random: 1, want: 30_000 },
    { attempt: 1000, random: 0, want: 15_000 },
  ])('try $attempt with chance $random', ({ attempt, random, want }) => {
    expect(backoffMs(attempt, random, undefined)).toBe(want);
  });

  test('what the registry asks for is waited for in full', () => {
    for (const random of [0, 0.5, 1]) expect(backoffMs(0, random, 60_000)).toBeGreaterThanOrEqual(60_000);
  });
});

describe('Patience', () => {
  const setUp = (limitMs: number) => {
    let now = 0;
    const events: RegistryEvent[] = [];
    const clock = {
      now: () => now,
      random: () => 1,
      sleep: async (ms: number) => {
        now += ms;
      },
    };
    const parts = {
      clock,
      emit: (event: RegistryEvent) => events.push(event),
      limitMs: () => limitMs,
      host: 'h',
      what: 'GET /v2/',
    };
    return { patience: new Patience(parts), events, pass: (ms: number) => (now += ms) };
  };

  test('ends in time, not after a number of tries', async () => {
    const { patience, events } = setUp(10_000);
    const fault = new Fault('status 503', { error });
    const tries = async (): Promise<void> => {
      while (true) await patience.wait(fault, undefined);
    };
    await expect(tries()).rejects.toBe(error);
    expect(events.map((event) => event.type === 'wait' && event.delayMs)).toEqual([500, 1000, 2000, 4000]);
  });

  test('getting further gives all the time again', async () => {
    const { patience, pass, events } = setUp(1000);
    const fault = new Fault('connection reset', { error });
    for (let i = 0; i < 20; i++) {
      await patience.wait(fault, undefined);
      pass(60_000);
      patience.reached(i + 1);
    }
    expect(events).toHaveLength(20);
  });

  test('getting to the same place again and again does not', async () => {
    const { patience, pass } = setUp(100_000);
    const fault = new Fault('connection reset', { error });
    const tries = async (): Promise<void> => {
      while (true) {
        await patience.wait(fault, undefined);
        pass(60_000);
        patience.reached(1000);
      }
    };
    await expect(tries()).rejects.toBe(error);
  });

  test('does not begin to wait for longer than there is time', async () => {
    const { patience, events } = setUp(10_000);
    const fault = new Fault('status 429', { error, retryAfterMs: 3_600_000 });
    await expect(patience.wait(fault, undefined)).rejects.toBe(error);
    expect(events).toEqual([]);
  });

  test('a connection that was closed meanwhile costs no waiting, but not without end', async () => {
    const { patience, events } = setUp(10_000);
    const fault = new Fault('connection reset', { error, stale: true });
    for (let i = 0; i < 10; i++) await patience.wait(fault, undefined);
    expect(events).toEqual([]);
    await patience.wait(fault, undefined);
    expect(events).toHaveLength(1);
  });
});

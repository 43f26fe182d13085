import type { Steps } from '../tree/index.ts';

/** How long work may hold the event loop before others get their turn: timers, signals, sockets, output. */
const TURN_MS = 10;

let began = performance.now();
const waiting: (() => void)[] = [];

/** Whether work on the event loop has had its turn. Ask between pieces that are short by themselves. */
export function turnIsOver(): boolean {
  return performance.now() - began >= TURN_MS;
}

/** Waits until everybody else had a turn. One of those who wait goes on in each turn of the loop, in the order they came. */
export function nextTurn(): Promise<void> {
  return new Promise((resume) => {
    waiting.push(resume);
    if (waiting.length === 1) setImmediate(goOn);
  });
}

function goOn(): void {
  began = performance.now();
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(goOn);
}

/** Runs a computation to its end and gives others their turns meanwhile. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (let next = steps.next(); ; next = steps.next()) {
    if (next.done === true) return next.value;
    if (turnIsOver()) await nextTurn();
  }
}

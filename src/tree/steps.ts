/**
 * A computation that pauses after every few hundred units of work, so about every millisecond. Whoever drives it decides
 * what happens meanwhile: `finish` goes on at once, an edge of the program lets its event loop turn.
 */
export type Steps<T> = Generator<undefined, T>;

/** Units between two pauses. */
const STRIDE = 256;

/** Runs a computation to its end without a pause. */
export function finish<T>(steps: Steps<T>): T {
  let next = steps.next();
  while (next.done !== true) next = steps.next();
  return next.value;
}

/** Does something with each item, in order. */
export function* eachStep<T>(items: Iterable<T>, work: (item: T) => void): Steps<void> {
  let count = 0;
  for (const item of items) {
    work(item);
    if (++count % STRIDE === 0) yield;
  }
}

export function* mapSteps<T, U>(items: Iterable<T>, work: (item: T) => U): Steps<U[]> {
  const made: U[] = [];
  yield* eachStep(items, (item) => made.push(work(item)));
  return made;
}

/** Does something with every so many items, in order. */
export function* sliceSteps<T>(items: readonly T[], work: (slice: readonly T[]) => void): Steps<void> {
  for (let at = 0; at < items.length; at += STRIDE) {
    work(items.slice(at, at + STRIDE));
    yield;
  }
}

type Compare<T> = (a: T, b: T) => number;

/** As `toSorted`: stable. What is in order already costs one comparison an item. */
export function* sortSteps<T>(items: readonly T[], compare: Compare<T>): Steps<readonly T[]> {
  if (yield* isSorted(items, compare)) return items;
  let runs: (readonly T[])[] = [];
  yield* sliceSteps(items, (slice) => runs.push(slice.toSorted(compare)));
  while (runs.length > 1) {
    const longer: (readonly T[])[] = [];
    for (let at = 0; at < runs.length; at += 2)
      longer.push(yield* merged(runs[at] ?? [], runs[at + 1] ?? [], compare));
    runs = longer;
  }
  return runs[0] ?? [];
}

function* isSorted<T>(items: readonly T[], compare: Compare<T>): Steps<boolean> {
  for (let at = 1; at < items.length; at++) {
    if (compare(items[at - 1] as T, items[at] as T) > 0) return false;
    if (at % STRIDE === 0) yield;
  }
  return true;
}

function* merged<T>(left: readonly T[], right: readonly T[], compare: Compare<T>): Steps<readonly T[]> {
  const all: T[] = [];
  let [i, j] = [0, 0];
  while (i < left.length && j < right.length) {
    const [a, b] = [left[i] as T, right[j] as T];
    if (compare(a, b) <= 0) {
      all.push(a);
      i += 1;
    } else {
      all.push(b);
      j += 1;
    }
    if (all.length % STRIDE === 0) yield;
  }
  return all.concat(i < left.length ? left.slice(i) : right.slice(j));
}

import { expect, test } from 'vitest';
import { descendantsOf, listProcesses } from './processes.ts';

test.for([
  { name: 'none', parents: [[5, 1]], want: [] },
  {
    name: 'children and theirs, in any order',
    parents: [
      [9, 8],
      [8, 2],
      [7, 2],
      [3, 1],
    ],
    want: [7, 8, 9],
  },
  { name: 'a process is not its own descendant', parents: [[2, 2]], want: [] },
] as { name: string; parents: [number, number][]; want: number[] }[])(
  'descendants: $name',
  ({ parents, want }) => {
    expect(descendantsOf(2, new Map(parents)).sort((a, b) => a - b)).toEqual(want);
  },
);

test('this process and its parent are listed', () => {
  expect(listProcesses().get(process.pid)).toBe(process.ppid);
});

import { expect, test } from 'vitest';
import { captureEntries } from './capture.ts';
import { finish } from './steps.ts';
import { entries, listing, summary } from './testing.ts';
import { Tree } from './tree.ts';

test.for<{ name: string; base: string[]; changes: string[][]; want: string[] }>([
  { name: 'one change', base: ['x'], changes: [['a=1']], want: ['a=1'] },
  // Merging the entries themselves gave b the contents of the second a
  {
    name: 'a link to a file that is replaced later',
    base: [],
    changes: [['a=1', 'b => a'], ['a=2']],
    want: ['a=2', 'b=1'],
  },
  {
    name: 'links that stay',
    base: [],
    changes: [['a=1', 'b => a'], ['c=3']],
    want: ['a=1', 'b => a', 'c=3'],
  },
  {
    name: 'a directory that becomes a file',
    base: ['d/', 'd/old'],
    changes: [['d/', 'd/new'], ['d=file']],
    want: ['d=file'],
  },
  { name: 'what is removed', base: ['a', 'b'], changes: [['c'], ['!a']], want: ['!a', 'c'] },
])('$name', ({ base, changes, want }) => {
  const before = Tree.of([entries(...base)]);
  const after = changes.reduce((tree, change) => tree.apply(entries(...change)), before);
  const layer = finish(
    captureEntries(
      before,
      after,
      changes.flatMap((change) => entries(...change).map((entry) => entry.path)),
    ),
  );
  expect(summary(layer)).toEqual(want);
  expect(listing(before.apply(layer))).toEqual(listing(after));
});

import { describe, expect, test } from 'vitest';
import { placeSelection } from './place.ts';
import { selectSources } from './selection.ts';
import { finish } from './steps.ts';
import { entries, summary } from './testing.ts';
import { Tree } from './tree.ts';

describe('hard links in a COPY', () => {
  test('hard links stay links', () => {
    const linked = Tree.of([entries('d/', 'd/a=1', 'd/b => d/a')]);
    const layer = finish(
      placeSelection(Tree.empty, finish(selectSources(linked, ['d'])), {
        destination: '/d',
        newDirTime: 0,
        chown: { uid: 1, gid: 1 },
      }),
    );
    expect(summary(layer)).toEqual(['d/ 1:1', 'd/a=1 1:1', 'd/b => d/a']);
  });

  // A link once named its target before another source replaced that: the link then had the wrong contents
  test.for<{ name: string; layer: string[]; from: string[]; want: string[] }>([
    {
      name: 'the target of a hard link is replaced by a later source',
      layer: ['d1/', 'd1/a=1', 'd1/b => d1/a', 'd2/', 'd2/a=2'],
      from: ['d1', 'd2'],
      want: ['x/', 'x/a=2', 'x/b=1'],
    },
    {
      name: 'the target of a hard link is replaced before the link comes',
      layer: ['d1/', 'd1/a=1', 'd2/', 'd2/a=2', 'd3/', 'd3/b => d1/a'],
      from: ['d1', 'd2', 'd3'],
      want: ['x/', 'x/a=2', 'x/b=1'],
    },
    {
      name: 'a hard link over several sources',
      layer: ['d1/', 'd1/a=1', 'd3/', 'd3/b => d1/a'],
      from: ['d1', 'd3'],
      want: ['x/', 'x/a=1', 'x/b => x/a'],
    },
    {
      name: 'matches of a pattern that are one file',
      layer: ['d/', 'd/git=1', 'd/git-add => d/git'],
      from: ['d/*'],
      want: ['x/', 'x/git=1', 'x/git-add => x/git'],
    },
    {
      name: 'a file that is taken twice is no hard link',
      layer: ['a/', 'a/f=1'],
      from: ['a/f', '.'],
      want: ['x/', 'x/a/', 'x/a/f=1', 'x/f=1'],
    },
    {
      name: 'hard links that are taken twice are two groups',
      layer: ['a/', 'a/f=1', 'a/g => a/f'],
      from: ['a', '.'],
      want: ['x/', 'x/a/', 'x/a/f=1', 'x/a/g => x/a/f', 'x/f=1', 'x/g => x/f'],
    },
  ])('$name', ({ layer, from, want }) => {
    const selection = finish(selectSources(Tree.of([entries(...layer)]), from));
    expect(
      summary(finish(placeSelection(Tree.empty, selection, { destination: '/x/', newDirTime: 0 }))),
    ).toEqual(want);
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FileNode } from '../tree/index.ts';
import { groupReads } from './content-source.ts';

type Item = Parameters<typeof groupReads>[0][number];

function item(pack: string, offset: number, size: number): Item {
  const ref = { kind: 'pack', pack, offset } as const;
  const node: FileNode = {
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 0,
    mtimeNs: 0,
    size,
    content: ref,
  };
  return { path: `${pack}/${offset}`, node, ref };
}
const MiB = 1 << 20;

describe('groupReads', () => {
  test.for([
    { name: 'nothing', items: [], want: [] },
    {
      name: 'neighbours are one read, in their order',
      items: [item('p', 600, 5), item('p', 0, 10)],
      want: [['p', 0, 605, 2]],
    },
    {
      name: 'packs are apart',
      items: [item('q', 0, 1), item('p', 0, 1)],
      want: [
        ['p', 0, 1, 1],
        ['q', 0, 1, 1],
      ],
    },
    {
      name: 'what lies far apart is skipped',
      items: [item('p', 0, 1), item('p', MiB, 1)],
      want: [
        ['p', 0, 1, 1],
        ['p', MiB, MiB + 1, 1],
      ],
    },
    {
      name: 'a read has a limit',
      items: [item('p', 0, 3 * MiB), item('p', 3 * MiB, 2 * MiB)],
      want: [
        ['p', 0, 3 * MiB, 1],
        ['p', 3 * MiB, 5 * MiB, 1],
      ],
    },
    {
      name: 'a big file is alone',
      items: [item('p', 0, 9 * MiB), item('p', 9 * MiB, 1)],
      want: [
        ['p', 0, 9 * MiB, 1],
        ['p', 9 * MiB, 9 * MiB + 1, 1],
      ],
    },
  ])('$name', ({ items, want }) => {
    expect(groupReads(items).map(({ pack, start, end, items }) => [pack, start, end, items.length])).toEqual(
      want,
    );
  });

  test('every file is in exactly one group, and inside of it', () => {
    const items = fc.array(fc.tuple(fc.constantFrom('p', 'q'), fc.nat(20 * MiB), fc.nat(5 * MiB)), {
      maxLength: 50,
    });
    fc.assert(
      fc.property(items, (tuples) => {
        const given = tuples.map(([pack, offset, size]) => item(pack, offset, size));
        const groups = groupReads(given);
        expect(new Set(groups.flatMap(({ items }) => items))).toEqual(new Set(given));
        for (const { pack, start, end, items } of groups) {
          expect(items.length === 1 || end - start <= 4 * MiB).toBe(true);
          for (const { ref, node } of items) {
            expect([ref.pack === pack, ref.offset >= start, ref.offset + node.size <= end]).toEqual([
              true,
              true,
              true,
            ]);
          }
        }
      }),
    );
  });
});

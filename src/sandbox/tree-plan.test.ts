import { describe, expect, test } from 'vitest';
import type { Entry, Inode, Metadata } from '../tree/index.ts';
import { planTree } from './tree-plan.ts';

const metadata: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

function node(path: string, type: 'dir' | 'fifo' = 'fifo'): Entry {
  return { kind: 'node', path, node: { ...metadata, type } satisfies Inode };
}
function link(path: string, target: string): Entry {
  return { kind: 'hardlink', path, target };
}

describe('planTree', () => {
  test('names the directories that the layer does not describe, parents first, never the root', () => {
    const plan = planTree([node('a/b/c/d'), node('a/b', 'dir'), { kind: 'whiteout', path: 'w/x/y' }]);
    expect(plan.implied).toEqual([
      { path: 'a', onlyHides: false },
      { path: 'w', onlyHides: true },
      { path: 'w/x', onlyHides: true },
      { path: 'a/b/c', onlyHides: false },
    ]);
  });

  test.for([
    {
      name: 'a removed directory that comes back hides what was in it',
      entries: [node('d', 'dir')],
      opaque: ['d'],
      whiteouts: [],
    },
    {
      name: 'a removed directory with something new in it does too',
      entries: [node('d/x')],
      opaque: ['d'],
      whiteouts: [],
    },
    {
      name: 'a file in place of what was removed hides it by itself',
      entries: [node('d')],
      opaque: [],
      whiteouts: [],
    },
    { name: 'what is only removed is a whiteout', entries: [node('e')], opaque: [], whiteouts: ['d'] },
  ])('$name', ({ entries, opaque, whiteouts }) => {
    const plan = planTree([{ kind: 'whiteout', path: 'd' }, ...entries]);
    expect([...plan.opaque]).toEqual(opaque);
    expect(plan.whiteouts).toEqual(whiteouts);
  });

  test('what has entries below it is a directory, a new one when it was something else', () => {
    const plan = planTree([node('a'), node('a/b'), node('a/c/d')]);
    expect([plan.nodes.get('a')?.type, [...plan.opaque]]).toEqual(['dir', ['a']]);
    expect([plan.nodes.get('a/c')?.type, plan.implied]).toEqual(['dir', []]);
  });

  test('hard links lead to the file itself', () => {
    const plan = planTree([node('a'), link('b', 'a'), link('c', 'b'), link('d', 'below')]);
    expect(plan.links.map(({ target }) => target)).toEqual(['a', 'a', 'below']);
  });

  test.for([
    { name: 'a parent that is a hard link', entries: [node('a'), link('b', 'a'), node('b/c')] },
    { name: 'a path that climbs', entries: [node('a/../b')] },
    { name: 'an absolute path', entries: [node('/a')] },
    { name: 'an empty component', entries: [node('a//b')] },
    { name: 'a dot', entries: [node('./a')] },
    { name: 'a NUL', entries: [node('a\0b')] },
    { name: 'a hard link that climbs', entries: [link('a', '../x')] },
    { name: 'hard links in a circle', entries: [link('a', 'b'), link('b', 'a')] },
    { name: 'a removed root', entries: [{ kind: 'whiteout', path: '' }] },
  ] satisfies { name: string; entries: Entry[] }[])('refuses $name', ({ entries }) => {
    expect(() => planTree(entries)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
  });
});

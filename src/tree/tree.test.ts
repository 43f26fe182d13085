import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePaths } from './order.ts';
import { parentsOf } from './path.ts';
import { entries, listing } from './testing.ts';
import { Tree } from './tree.ts';

describe('apply', () => {
  test.for<{ name: string; layers: string[][]; want: string[] }>([
    { name: 'nothing', layers: [], want: [] },
    { name: 'files and directories', layers: [['a/', 'a/f', 'b']], want: ['a/', 'a/f', 'b'] },
    { name: 'missing parents are made', layers: [['a/b/c']], want: ['a/', 'a/b/', 'a/b/c'] },
    { name: 'a later layer replaces', layers: [['a=1'], ['a=2']], want: ['a=2'] },
    {
      name: 'a directory over a directory keeps its children',
      layers: [['a/', 'a/f'], ['a/']],
      want: ['a/', 'a/f'],
    },
    { name: 'a file over a directory removes it', layers: [['a/', 'a/f'], ['a=1']], want: ['a=1'] },
    { name: 'a directory over a file', layers: [['a=1'], ['a/', 'a/f']], want: ['a/', 'a/f'] },
    { name: 'whiteout of a file', layers: [['a/', 'a/f', 'a/g'], ['!a/f']], want: ['a/', 'a/g'] },
    { name: 'whiteout of a directory', layers: [['a/', 'a/f'], ['!a']], want: [] },
    { name: 'whiteout of nothing', layers: [['b=1'], ['!a', '!x/y']], want: ['b=1'] },
    {
      name: 'whiteout acts only on what is below',
      layers: [
        ['a/', 'a/old'],
        ['a/', 'a/new', '!a'],
      ],
      want: ['a/', 'a/new'],
    },
    {
      name: 'opaque hides what is below',
      layers: [
        ['a/', 'a/old'],
        ['a/', 'a/!', 'a/new'],
      ],
      want: ['a/', 'a/new'],
    },
    {
      name: 'opaque before its directory',
      layers: [
        ['a/', 'a/old'],
        ['a/!', 'a/', 'a/new'],
      ],
      want: ['a/', 'a/new'],
    },
    { name: 'symbolic links are kept', layers: [['l -> /x']], want: ['l -> /x'] },
    {
      name: 'nothing is written through a link',
      layers: [['l -> /etc', 'etc/'], ['l/passwd=x']],
      want: ['etc/', 'l/', 'l/passwd=x'],
    },
    { name: 'hard link within a layer', layers: [['a=1', 'b => a']], want: ['a=1', 'b=1'] },
    { name: 'hard link to a lower layer', layers: [['a=1'], ['b => a']], want: ['a=1', 'b=1'] },
    {
      name: 'hard link to what the layer itself removes',
      layers: [['a=1'], ['!a', 'b => a']],
      want: ['b=1'],
    },
    {
      name: 'hard links to hard links, before their target',
      layers: [['a => b', 'b => c', 'c=1']],
      want: ['a=1', 'b=1', 'c=1'],
    },
    {
      name: 'a hard link to a hard link that replaces a file below',
      layers: [['b=old'], ['a => b', 'b => c', 'c=new']],
      want: ['a=new', 'b=new', 'c=new'],
    },
    { name: 'hard link to a symbolic link', layers: [['a -> x', 'b => a']], want: ['a -> x', 'b -> x'] },
    {
      name: 'what is in a directory wins over a file there',
      layers: [['a/b=1', 'a=2']],
      want: ['a/', 'a/b=1'],
    },
    {
      name: 'a directory that replaces one of the lower layer',
      layers: [
        ['a/', 'a/old'],
        ['!a', 'a/new'],
      ],
      want: ['a/', 'a/new'],
    },
    {
      name: 'an opaque root',
      layers: [
        ['a=1', 'b=1'],
        ['/!', 'c=1'],
      ],
      want: ['c=1'],
    },
    { name: 'opaque over a file or nothing', layers: [['a=1'], ['a/!', 'b/!']], want: ['a=1'] },
    {
      name: 'whiteout below a link',
      layers: [['d/', 'd/f', 'l -> d'], ['!l/f']],
      want: ['d/', 'd/f', 'l -> d'],
    },
    { name: 'hard link before its target', layers: [['b => a', 'a=1']], want: ['a=1', 'b=1'] },
  ])('$name', ({ layers, want }) => {
    expect(listing(Tree.of(layers.map((layer) => entries(...layer))))).toEqual(want);
  });

  test('hard links share one inode', () => {
    const tree = Tree.of([entries('a=1', 'b => a')]);
    expect(tree.get('b')?.inode).toBe(tree.get('a')?.inode);
  });

  test('a hard link to a directory or to nothing is refused', () => {
    expect(() => Tree.of([entries('a/', 'b => a')])).toThrow('which is no file');
    expect(() => Tree.of([entries('b => a')])).toThrow('which is no file');
    expect(() => Tree.of([entries('a => b', 'b => a')])).toThrow('which is no file');
  });

  test('the tree below is not changed', () => {
    const below = Tree.of([entries('a/', 'a/f=1', 'b/', 'b/g')]);
    const above = below.apply(entries('a/f=2', '!b'));
    expect(listing(below)).toEqual(['a/', 'a/f=1', 'b/', 'b/g']);
    expect(listing(above)).toEqual(['a/', 'a/f=2']);
  });

  test('what a layer does not touch is shared', () => {
    const below = Tree.of([entries('a/', 'a/f', 'b/', 'b/g')]);
    expect(below.apply(entries('b/h')).get('a')).toBe(below.get('a'));
  });

  test('order inside a layer does not matter', () => {
    const layer = entries('a/', 'a/f=1', 'a/g => a/f', 'b/', '!c', 'd -> a');
    const base = Tree.of([entries('c=1', 'b/', 'b/old')]);
    const want = listing(base.apply(layer));
    fc.assert(
      fc.property(fc.shuffledSubarray(layer, { minLength: layer.length }), (shuffled) => {
        expect(listing(base.apply(shuffled))).toEqual(want);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a stack of layers', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
  const line = fc.oneof(
    path.map((at) => `${at}/`),
    fc.tuple(path, fc.constantFrom('1', '2')).map((parts) => parts.join('=')),
    path.map((at) => `${at} -> x`),
    path.map((at) => `!${at}`),
    path.map((at) => `${at}/!`),
  );
  /** At most one entry of a kind at a path, in any order. */
  const layer = fc
    .uniqueArray(line, { maxLength: 8, selector: (text) => `${/^!|\/!$/.exec(text)?.[0]}${pathOf(text)}` })
    .chain((lines) => fc.shuffledSubarray(lines, { minLength: lines.length }));

  test('is what a naive merge gives, whatever the order inside the layers', () => {
    fc.assert(
      fc.property(fc.array(layer, { maxLength: 4 }), (layers) => {
        expect(listing(Tree.of(layers.map((lines) => entries(...lines))))).toEqual(naiveMerge(layers));
      }),
      { numRuns: 500 },
    );
  });
});

const pathOf = (text: string): string => text.replace(/^!|\/?!?$|=.*| -> .*/g, '');

/** The slow way: paths in a map, ancestors made one by one. */
function naiveMerge(layers: readonly (readonly string[])[]): string[] {
  const at = new Map<string, string>();
  const below = (path: string): string[] => [...at.keys()].filter((other) => other.startsWith(`${path}/`));
  const reachable = (path: string): boolean =>
    parentsOf(path).every((parent) => parent === '' || at.get(parent)?.endsWith('/') === true);
  const put = (path: string, text: string): void => {
    if (!text.endsWith('/')) for (const other of below(path)) at.delete(other);
    at.set(path, text);
  };
  for (const lines of layers) {
    for (const text of lines.filter((one) => one.startsWith('!'))) {
      const path = pathOf(text);
      if (reachable(path)) for (const other of [path, ...below(path)]) at.delete(other);
    }
    for (const text of lines.filter((one) => one.endsWith('/!'))) {
      for (const other of below(pathOf(text))) at.delete(other);
    }
    for (const text of lines
      .filter((one) => !/^!|\/!$/.test(one))
      .sort((a, b) => comparePaths(pathOf(a), pathOf(b)))) {
      const path = pathOf(text);
      for (const parent of parentsOf(path))
        if (parent !== '' && !at.get(parent)?.endsWith('/')) put(parent, `${parent}/`);
      put(path, text);
    }
  }
  return [...at].sort(([a], [b]) => comparePaths(a, b)).map(([, text]) => text);
}

describe('walk', () => {
  test('takes a very deep tree', () => {
    const deep = Array.from({ length: 20_000 }, () => 'd').join('/');
    let count = 0;
    for (const { path } of Tree.of([entries(`${deep}=1`)]).walk()) count += path === '' ? 0 : 1;
    expect(count).toBe(20_000);
  });

  test('is in the order of the names as bytes, a directory before what is in it', () => {
    const tree = Tree.of([entries('b', 'a/', 'a/z', 'a-', 'a.d', 'Z', 'é', '\u{1f600}', '\uffee')]);
    expect(listing(tree)).toEqual(['Z', 'a/', 'a/z', 'a-', 'a.d', 'b', 'é', '\uffee', '\u{1f600}']);
  });
});

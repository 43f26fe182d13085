import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
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

describe('walk', () => {
  test('is in the order of the names as bytes, a directory before what is in it', () => {
    const tree = Tree.of([entries('b', 'a/', 'a/z', 'a-', 'a.d', 'Z', 'é', '\u{1f600}', '\uffee')]);
    expect(listing(tree)).toEqual(['Z', 'a/', 'a/z', 'a-', 'a.d', 'b', 'é', '\uffee', '\u{1f600}']);
  });
});

describe('resolve', () => {
  const tree = Tree.of([
    entries(
      'etc/',
      'etc/passwd',
      'bin -> usr/bin',
      'usr/',
      'usr/bin/',
      'usr/bin/sh',
      'abs -> /etc',
      'up -> ../../../etc',
    ),
    entries(
      'loop -> loop',
      'ping -> pong',
      'pong -> ping',
      'a/',
      'a/b -> ../bin/sh',
      'dangling -> nowhere/x',
      'self -> .',
    ),
  ]);
  test.for<{ path: string; want: string; found: boolean; follow?: boolean }>([
    { path: '', want: '', found: true },
    { path: '/', want: '', found: true },
    { path: 'etc/passwd', want: 'etc/passwd', found: true },
    { path: '/etc//./passwd', want: 'etc/passwd', found: true },
    { path: 'bin/sh', want: 'usr/bin/sh', found: true },
    { path: 'abs/passwd', want: 'etc/passwd', found: true },
    { path: 'up/passwd', want: 'etc/passwd', found: true },
    { path: 'a/b', want: 'usr/bin/sh', found: true },
    { path: 'a/b', want: 'a/b', found: true, follow: false },
    { path: '../../etc', want: 'etc', found: true },
    { path: 'etc/..', want: '', found: true },
    { path: 'self/self/etc', want: 'etc', found: true },
    { path: 'new/dir/file', want: 'new/dir/file', found: false },
    { path: 'bin/new', want: 'usr/bin/new', found: false },
    { path: 'dangling', want: 'nowhere/x', found: false },
    { path: 'new/../etc', want: 'etc', found: true },
  ])('$path (follow: $follow)', ({ path, want, found, follow }) => {
    const result = tree.resolve(path, follow === undefined ? {} : { follow });
    expect(result.path).toBe(want);
    expect(result.node !== undefined).toBe(found);
  });

  test.for(['loop', 'ping', 'loop/x'])('%s is a loop', (path) => {
    expect(() => tree.resolve(path)).toThrow('too many symbolic links');
  });

  test('a file is no directory', () => {
    expect(() => tree.resolve('etc/passwd/x')).toThrow('is not a directory');
  });

  test('never leaves the root, whatever the links say', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const step = fc.constantFrom('a', 'b', 'c', '..', '.', '');
    const path = fc.array(step, { maxLength: 8 }).map((names) => names.join('/'));
    const link = fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }), path, fc.boolean());
    fc.assert(
      fc.property(fc.array(link, { maxLength: 6 }), path, (links, start) => {
        const layer = links.map(
          ([names, target, absolute]) => `${names.join('/')} -> ${absolute ? '/' : ''}${target}`,
        );
        const made = layer.reduce((one, line) => one.apply(entries(line)), Tree.empty);
        expect(whereOrError(made, start)).not.toMatch(/(?:^|\/)\.\.(?:\/|$)/);
      }),
    );
  });
});

/** Where a path leads, or the code of the error that it is. */
function whereOrError(tree: Tree, path: string): string {
  try {
    return tree.resolve(path).path;
  } catch (error) {
    if (error instanceof LapidaryError) return error.code;
    throw error;
  }
}

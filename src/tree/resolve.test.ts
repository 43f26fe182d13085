import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { entries } from './testing.ts';
import { Tree } from './tree.ts';

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

  test('is what a naive walk finds, and never leaves the root', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const step = fc.constantFrom('a', 'b', 'c', '..', '.', '');
    const path = fc.array(step, { maxLength: 6 }).map((names) => names.join('/'));
    const target = fc.tuple(fc.constantFrom('', '/'), path).map((parts) => parts.join(''));
    const where = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));
    const line = fc.oneof(
      fc.tuple(where, target).map(([at, to]) => `${at} -> ${to}`),
      where.map((at) => `${at}=x`),
      where.map((at) => `${at}/`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), path, fc.boolean(), (lines, start, follow) => {
        const made = lines.reduce((one, text) => one.apply(entries(text)), Tree.empty);
        const got = outcome(() => made.resolve(start, { follow }).path);
        expect(got).toBe(outcome(() => naiveResolve(made, start, follow)));
        expect(got).not.toMatch(/(?:^|\/)\.\.(?:\/|$)/);
      }),
      { numRuns: 500 },
    );
  });
});

/** What a function gives, or the code of its error. */
function outcome(make: () => string): string {
  try {
    return make();
  } catch (error) {
    if (error instanceof LapidaryError) return error.code;
    throw error;
  }
}

/** The slow way: rewrites the path at its first link until there is none. */
function naiveResolve(tree: Tree, path: string, follow: boolean, links = 0): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  let at: string[] = [];
  for (const [i, name] of names.entries()) {
    if (name === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const parent = tree.get(at.join('/'));
    if (parent !== undefined && parent.inode.type !== 'dir') throw new LapidaryError('NOT_A_DIRECTORY', path);
    at = [...at, name];
    const inode = tree.get(at.join('/'))?.inode;
    if (inode?.type !== 'symlink' || (i === names.length - 1 && !follow)) continue;
    if (links === 255) throw new LapidaryError('PATH_LOOP', path);
    const start = inode.target.startsWith('/') ? [] : at.slice(0, -1);
    return naiveResolve(tree, [...start, inode.target, ...names.slice(i + 1)].join('/'), follow, links + 1);
  }
  return at.join('/');
}

import { describe, expect, test } from 'vitest';
import { makeDirectory } from './make-directory.ts';
import { dirNode, entries, summary } from './testing.ts';
import { Tree } from './tree.ts';

describe('makeDirectory', () => {
  const options = { uid: 1, gid: 2, mode: 0o755, time: 9 };
  const base = Tree.of([
    entries(
      'etc/',
      'etc/conf',
      'usr/',
      'usr/bin/',
      'bin -> usr/bin',
      'afile=x',
      'void -> /gone/away',
      'out -> ../..',
    ),
    [{ kind: 'node', path: 'srv', node: dirNode({ mode: 0o750, uid: 7, gid: 8 }) }],
  ]);
  test.for<{ path: string; want: string[] }>([
    { path: '/etc', want: [] },
    { path: '/bin', want: [] },
    { path: '/a/b', want: ['a/ 1:2', 'a/b/ 1:2'] },
    { path: '/', want: [] },
    { path: '/out', want: [] },
    { path: '/a//./b/../c/', want: ['a/ 1:2', 'a/c/ 1:2'] },
    { path: '/srv/x', want: ['srv/ 750 7:8', 'srv/x/ 1:2'] },
    { path: '/void', want: ['gone/ 1:2', 'gone/away/ 1:2'] },
    { path: '/void/x', want: ['gone/ 1:2', 'gone/away/ 1:2', 'gone/away/x/ 1:2'] },
    { path: '/bin/x', want: ['usr/', 'usr/bin/', 'usr/bin/x/ 1:2'] },
  ])('$path', ({ path, want }) => {
    expect(summary(makeDirectory(base, path, options))).toEqual(want);
  });
  test('a file in the way', () => {
    expect(() => makeDirectory(base, '/afile', options)).toThrow('is a file in the image');
  });
  test('a file on the way', () => {
    expect(() => makeDirectory(base, '/etc/conf/x', options)).toThrow(
      expect.objectContaining({ code: 'NOT_A_DIRECTORY' }),
    );
  });
});

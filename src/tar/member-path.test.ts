import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cleanMemberPath } from './member-path.ts';
import { opaquePath, whiteoutOf, whiteoutPath } from './whiteout.ts';

describe('cleanMemberPath', () => {
  test.for([
    ['a/b', 'a/b'],
    ['./a/b', 'a/b'],
    ['/a/b', 'a/b'],
    ['a/b/', 'a/b'],
    ['.//a/./b///', 'a/b'],
    ['/', ''],
    ['//', ''],
    ['.', ''],
    ['./', ''],
    ['', ''],
    ['././a', 'a'],
    ['a/.', 'a'],
    ['.a', '.a'],
    ['..a', '..a'],
    ['a..', 'a..'],
    ['...', '...'],
    ['a/.../b', 'a/.../b'],
    ['./.a', '.a'],
    ['a\\..\\b', 'a\\..\\b'],
    ['é\udcff/x', 'é\udcff/x'],
  ] as const)('%j is %j', ([path, want]) => {
    expect(cleanMemberPath(path)).toBe(want);
  });

  test.for(['..', '../', '../a', 'a/..', 'a/../', 'a/../b', '/..', './..', './../a', 'a//..'])(
    'refuses %j',
    (path) => {
      expect(() => cleanMemberPath(path)).toThrow(
        expect.objectContaining({
          code: 'TAR_INVALID',
          message: expect.stringContaining(JSON.stringify(path)),
        }),
      );
    },
  );

  test('agrees with splitting the path', () => {
    const component = fc.constantFrom('', '.', '..', 'a', '.b', '..c', 'd.', '...');
    fc.assert(
      fc.property(fc.array(component), (components) => {
        const path = components.join('/');
        const want = components.includes('..')
          ? undefined
          : components.filter((each) => each !== '' && each !== '.').join('/');
        expect(cleanOrUndefined(path)).toBe(want);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('whiteoutOf', () => {
  test.for([
    ['an ordinary file', 'a/b', undefined],
    ['a file removed', 'a/.wh.b', { kind: 'whiteout', path: 'a/b' }],
    ['a file of the root removed', '.wh.b', { kind: 'whiteout', path: 'b' }],
    ['an opaque directory', 'a/.wh..wh..opq', { kind: 'opaque', path: 'a' }],
    ['an opaque root', '.wh..wh..opq', { kind: 'opaque', path: '' }],
    ['hard links of AUFS', '.wh..wh.plnk', { kind: 'ignored', path: '.wh..wh.plnk' }],
    ['what is below them', '.wh..wh.plnk/1.2', { kind: 'ignored', path: '.wh..wh.plnk/1.2' }],
    [
      'an opaque mark below them',
      '.wh..wh.orph/.wh..wh..opq',
      { kind: 'ignored', path: '.wh..wh.orph/.wh..wh..opq' },
    ],
    ['bookkeeping further down', 'a/.wh..wh.aufs', { kind: 'ignored', path: 'a/.wh..wh.aufs' }],
    ['a name that only contains the prefix', 'a.wh.b', undefined],
    ['a hidden file removed', '.wh..b', { kind: 'whiteout', path: '.b' }],
    ['a directory whose name looks like a whiteout', '.wh.a/b', undefined],
    ['a name with a newline', '.wh.a\nb', { kind: 'whiteout', path: 'a\nb' }],
  ] as const)('%s', ([, path, want]) => {
    expect(whiteoutOf(path)).toEqual(want);
  });

  test.for(['.wh.', 'a/.wh.', '.wh..', 'a/.wh...'])('refuses %j', (path) => {
    expect(() => whiteoutOf(path)).toThrow(expect.objectContaining({ code: 'TAR_INVALID' }));
  });

  test.for(['a', 'a/b', 'é/.b'])('whiteoutPath and opaquePath of %j are read back', (path) => {
    expect(whiteoutOf(whiteoutPath(path))).toEqual({ kind: 'whiteout', path });
    expect(whiteoutOf(opaquePath(path))).toEqual({ kind: 'opaque', path });
  });

  test('opaquePath of the root', () => {
    expect(opaquePath('')).toBe('.wh..wh..opq');
  });
});

function cleanOrUndefined(path: string): string | undefined {
  try {
    return cleanMemberPath(path);
  } catch {
    return undefined;
  }
}

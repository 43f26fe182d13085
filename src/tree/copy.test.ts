import { describe, expect, test } from 'vitest';
import { parseChmod } from './chmod.ts';
import type { Entry, Metadata } from './entry.ts';
import { extractInto } from './extract.ts';
import { makeDirectory } from './make-directory.ts';
import { nearestNames } from './nearest-names.ts';
import { type PlaceOptions, placeSelection } from './place.ts';
import { filesOf, selectionDigest, selectSources, withFiles } from './selection.ts';
import { dirNode, entries, fileNode, summary } from './testing.ts';
import { Tree } from './tree.ts';

const source = Tree.of([
  entries(
    'app/',
    'app/main=m',
    'app/lib/',
    'app/lib/a=1',
    'app/lib/b=2',
    'app/empty/',
    'app/link -> main',
    'one=1',
    'two=2',
    'dir -> app',
    'file -> one',
    'weird[x]=w',
  ),
]);
const base = Tree.of([
  entries(
    'etc/',
    'etc/conf=old',
    'usr/',
    'usr/bin/',
    'bin -> usr/bin',
    'abs -> /usr',
    'afile=x',
    'out -> ../../..',
  ),
  [{ kind: 'node', path: 'srv', node: dirNode({ mode: 0o750, uid: 7, gid: 8 }) }],
]);

function copy(sources: string[], destination: string, more: Partial<PlaceOptions> = {}): string[] {
  return summary(
    placeSelection(base, selectSources(source, sources), { destination, newDirTime: 5, ...more }),
  );
}

describe('COPY', () => {
  test.for<{ name: string; from: string[]; to: string; want: string[] }>([
    { name: 'a file to a new name', from: ['one'], to: '/x', want: ['x=1'] },
    { name: 'a file into a directory by slash', from: ['one'], to: '/new/', want: ['new/', 'new/one=1'] },
    { name: 'a file into a directory that is there', from: ['one'], to: '/etc', want: ['etc/', 'etc/one=1'] },
    { name: 'a file into the root', from: ['one'], to: '/', want: ['one=1'] },
    { name: 'several files', from: ['one', 'two'], to: '/d/', want: ['d/', 'd/one=1', 'd/two=2'] },
    { name: 'over a file', from: ['one'], to: '/etc/conf', want: ['etc/', 'etc/conf=1'] },
    {
      name: 'the contents of a directory',
      from: ['app'],
      to: '/app',
      want: [
        'app/',
        'app/empty/',
        'app/lib/',
        'app/lib/a=1',
        'app/lib/b=2',
        'app/link -> main',
        'app/main=m',
      ],
    },
    { name: 'everything', from: ['app/lib', 'one'], to: '/d/', want: ['d/', 'd/a=1', 'd/b=2', 'd/one=1'] },
    { name: 'deep new directories', from: ['one'], to: '/x/y/z', want: ['x/', 'x/y/', 'x/y/z=1'] },
    {
      name: 'through a link of the image',
      from: ['one'],
      to: '/bin/',
      want: ['usr/', 'usr/bin/', 'usr/bin/one=1'],
    },
    {
      name: 'through an absolute link',
      from: ['one'],
      to: '/abs/lib/x',
      want: ['usr/', 'usr/lib/', 'usr/lib/x=1'],
    },
    { name: 'a link that leads out ends at the root', from: ['one'], to: '/out/x', want: ['x=1'] },
    {
      name: 'parents keep their own metadata',
      from: ['one'],
      to: '/srv/x',
      want: ['srv/ 750 7:8', 'srv/x=1'],
    },
    {
      name: 'contents keep the metadata of an existing destination',
      from: ['app/lib'],
      to: '/srv',
      want: ['srv/ 750 7:8', 'srv/a=1', 'srv/b=2'],
    },
    { name: 'a source link to a file is followed', from: ['file'], to: '/d/', want: ['d/', 'd/file=1'] },
    {
      name: 'a source link to a directory is followed',
      from: ['dir'],
      to: '/d',
      want: ['d/', 'd/empty/', 'd/lib/', 'd/lib/a=1', 'd/lib/b=2', 'd/link -> main', 'd/main=m'],
    },
    { name: 'an inner link is kept', from: ['app/link'], to: '/l', want: ['l=m'] },
    { name: 'a pattern', from: ['app/lib/*'], to: '/d/', want: ['d/', 'd/a=1', 'd/b=2'] },
    {
      name: 'a pattern with classes',
      from: ['app/lib/[^b]', 't?o'],
      to: '/d/',
      want: ['d/', 'd/a=1', 'd/two=2'],
    },
    { name: 'an escaped pattern', from: [String.raw`weird\[x\]`], to: '/d/', want: ['d/', 'd/weird[x]=w'] },
    {
      name: 'a pattern that matches a directory takes its contents',
      from: ['app/lib*'],
      to: '/d/',
      want: ['d/', 'd/a=1', 'd/b=2'],
    },
    { name: 'dots cannot leave the context', from: ['../../one'], to: '/x', want: ['x=1'] },
    { name: 'an absolute source is relative to the context', from: ['/one'], to: '/x', want: ['x=1'] },
  ])('$name', ({ from, to, want }) => {
    expect(copy(from, to)).toEqual(want);
  });

  test('--chown and --chmod', () => {
    const got = copy(['app'], '/new/app', { chown: { uid: 3, gid: 4 }, chmod: 0o700 });
    expect(got.slice(0, 4)).toEqual([
      'new/ 3:4',
      'new/app/ 3:4',
      'new/app/empty/ 700 3:4',
      'new/app/lib/ 700 3:4',
    ]);
    expect(got).toContain('new/app/link -> main 3:4');
  });

  test('new directories have the given time, old ones their own', () => {
    const layer = placeSelection(base, selectSources(source, ['one']), {
      destination: '/etc/new/x',
      newDirTime: 5,
    });
    const times = layer.map((entry) => (entry.kind === 'node' ? entry.node.mtime : undefined));
    expect(times).toEqual([0, 5, 0]);
  });

  test('hard links stay links', () => {
    const linked = Tree.of([entries('d/', 'd/a=1', 'd/b => d/a')]);
    const layer = placeSelection(base, selectSources(linked, ['d']), {
      destination: '/d',
      newDirTime: 0,
      chown: { uid: 1, gid: 1 },
    });
    expect(summary(layer)).toEqual(['d/ 1:1', 'd/a=1 1:1', 'd/b => d/a']);
  });

  test.for<{ name: string; from: string[]; to: string; error: string }>([
    { name: 'a directory onto a file', from: ['app'], to: '/afile', error: 'is a file in the image' },
    { name: 'into a file', from: ['one'], to: '/afile/', error: 'is a file in the image' },
    { name: 'below a file', from: ['one'], to: '/afile/x', error: 'is not a directory' },
  ])('$name is a conflict', ({ from, to, error }) => {
    expect(() => copy(from, to)).toThrow(error);
  });

  test('a file over a directory inside of what is copied is a conflict', () => {
    const other = Tree.of([entries('d/', 'd/etc=file')]);
    expect(() =>
      placeSelection(base, selectSources(other, ['d']), { destination: '/', newDirTime: 0 }),
    ).toThrow('a file cannot replace the directory "/etc"');
  });

  test('what is missing and what matches nothing is told apart', () => {
    const selection = selectSources(source, ['nope', 'no*', 'one']);
    expect(selection).toMatchObject({ missing: ['nope'], unmatched: ['no*'] });
    expect(nearestNames(source, 'app/lob')).toEqual(['app/lib']);
  });

  test('excluded paths are left out', () => {
    const selection = selectSources(source, ['app'], { exclude: (path) => path.startsWith('app/lib') });
    expect(summary(placeSelection(Tree.empty, selection, { destination: '/', newDirTime: 0 }))).toEqual([
      'empty/',
      'link -> main',
      'main=m',
    ]);
  });
});

describe('selectionDigest', () => {
  const digest = (tree: Tree, ...sources: string[]): string => selectionDigest(selectSources(tree, sources));
  const one = (more: Partial<Metadata>, text = 'x'): Tree =>
    Tree.of([[{ kind: 'node', path: 'f', node: fileNode(text, more) }]]);

  test('does not depend on times or on where the source stands', () => {
    expect(digest(one({ mtime: 9 }), 'f')).toBe(digest(one({}), 'f'));
    const moved = Tree.of([entries('deep/app/', 'deep/app/x=1')]);
    expect(digest(moved, 'deep/app')).toBe(digest(Tree.of([entries('x=1')]), '/'));
  });

  test.for<{ name: string; tree: Tree; source?: string }>([
    { name: 'content', tree: one({}, 'y') },
    { name: 'mode', tree: one({ mode: 0o755 }) },
    { name: 'owner', tree: one({ uid: 1 }) },
    { name: 'extended attributes', tree: one({ xattrs: new Map([['user.a', Uint8Array.of(1)]]) }) },
    { name: 'a directory instead of a file', tree: Tree.of([entries('f/', 'f/f=x')]) },
  ])('depends on $name', ({ tree }) => {
    expect(digest(tree, 'f')).not.toBe(digest(one({}), 'f'));
  });

  test('two names of one file are not two files', () => {
    expect(digest(Tree.of([entries('d/', 'd/a=1', 'd/b => d/a')]), 'd')).not.toBe(
      digest(Tree.of([entries('d/', 'd/a=1', 'd/b=1')]), 'd'),
    );
  });

  test('files can be replaced by their digested form, links stay links', () => {
    const selection = selectSources(Tree.of([entries('d/', 'd/a=1', 'd/b => d/a', 'd/c=2')]), ['d']);
    const files = filesOf(selection);
    expect(files).toHaveLength(2);
    const replaced = withFiles(
      selection,
      files.map((file) => ({ ...file, mode: 0o600 })),
    );
    expect(filesOf(replaced).map((file) => file.mode)).toEqual([0o600, 0o600]);
  });
});

describe('makeDirectory', () => {
  const options = { uid: 1, gid: 2, mode: 0o755, time: 9 };
  test.for<{ path: string; want: string[] }>([
    { path: '/etc', want: [] },
    { path: '/bin', want: [] },
    { path: '/a/b', want: ['a/ 1:2', 'a/b/ 1:2'] },
    { path: '/bin/x', want: ['usr/', 'usr/bin/', 'usr/bin/x/ 1:2'] },
  ])('$path', ({ path, want }) => {
    expect(summary(makeDirectory(base, path, options))).toEqual(want);
  });
  test('a file in the way', () => {
    expect(() => makeDirectory(base, '/afile', options)).toThrow('is a file in the image');
  });
});

describe('ADD of an archive', () => {
  const unpack = (members: Entry[], to: string): string[] =>
    summary(extractInto(base, members, { destination: to, newDirTime: 0 }));
  test.for<{ name: string; members: string[]; to: string; want: string[] }>([
    {
      name: 'goes into the destination',
      members: ['a/', 'a/f=1'],
      to: '/opt',
      want: ['opt/', 'opt/a/', 'opt/a/f=1'],
    },
    {
      name: 'follows links of the image',
      members: ['bin/', 'bin/x=1'],
      to: '/',
      want: ['usr/', 'usr/bin/', 'usr/bin/x=1'],
    },
    {
      name: 'follows links of the archive inside the root',
      members: ['l -> ../../../../etc', 'l/x=1'],
      to: '/opt',
      want: ['etc/', 'etc/x=1', 'opt/', 'opt/l -> ../../../../etc'],
    },
    {
      name: 'keeps hard links',
      members: ['a=1', 'b => a'],
      to: '/opt',
      want: ['opt/', 'opt/a=1', 'opt/b => opt/a'],
    },
  ])('$name', ({ members, to, want }) => {
    expect(unpack(entries(...members), to)).toEqual(want);
  });
  test('a hard link to nothing', () => {
    expect(() => unpack(entries('b => a'), '/')).toThrow('which the archive does not hold');
  });
});

describe('parseChmod', () => {
  test.for<[string, number, boolean, number]>([
    ['755', 0o644, false, 0o755],
    ['0644', 0o755, false, 0o644],
    ['4755', 0, false, 0o4755],
    ['u+x', 0o644, false, 0o744],
    ['+x', 0o644, false, 0o755],
    ['a-w', 0o666, false, 0o444],
    ['u=rwX,go=rX', 0o600, false, 0o644],
    ['u=rwX,go=rX', 0o700, false, 0o755],
    ['u=rwX,go=rX', 0o600, true, 0o755],
    ['g=', 0o777, false, 0o707],
    ['u+s', 0o755, false, 0o4755],
    ['+t', 0o777, true, 0o1777],
    ['go-rwx,u+x', 0o666, false, 0o700],
  ])('%s on %i (directory: %s)', ([text, mode, directory, want]) => {
    const chmod = parseChmod(text);
    expect(typeof chmod === 'number' ? chmod : chmod(mode, directory)).toBe(want);
  });
  test.for(['', '888', 'u+z', 'x', '77777', 'u=rw,', 'rwx'])('%j is none', (text) => {
    expect(() => parseChmod(text)).toThrow('--chmod cannot be');
  });
});

import { describe, expect, test } from 'vitest';
import { nearestNames } from './nearest-names.ts';
import { type PlaceOptions, placeSelection } from './place.ts';
import { selectSources } from './selection.ts';
import { finish } from './steps.ts';
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
    'again/',
    'again/a=9',
  ),
]);
const ALL = [
  'app/',
  'app/empty/',
  'app/lib/',
  'app/lib/a=1',
  'app/lib/b=2',
  'app/link -> main',
  'app/main=m',
  'dir -> app',
  'file -> one',
  'one=1',
  'two=2',
  'weird[x]=w',
];
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
    'links/',
    'links/one -> ../etc/conf',
    'links/void -> /new/file',
  ),
  [{ kind: 'node', path: 'srv', node: dirNode({ mode: 0o750, uid: 7, gid: 8 }) }],
]);

function copy(sources: string[], destination: string, more: Partial<PlaceOptions> = {}): string[] {
  return summary(
    finish(
      placeSelection(base, finish(selectSources(source, sources)), { destination, newDirTime: 5, ...more }),
    ),
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
    {
      name: 'a link of the image with the name of the file is replaced',
      from: ['one'],
      to: '/links/',
      want: ['links/', 'links/one=1'],
    },
    {
      name: 'a link of the image named as the destination is followed',
      from: ['one'],
      to: '/links/one',
      want: ['etc/', 'etc/conf=1'],
    },
    {
      name: 'a link to nothing is followed to where it leads',
      from: ['one'],
      to: '/links/void',
      want: ['new/', 'new/file=1'],
    },
    {
      name: 'contents go into a directory behind a link',
      from: ['app/lib'],
      to: '/links/',
      want: ['links/', 'links/a=1', 'links/b=2'],
    },
    {
      name: 'a later source replaces an earlier one',
      from: ['one', 'again'],
      to: '/d/',
      want: ['d/', 'd/a=9', 'd/one=1'],
    },
    { name: 'the whole context', from: ['.'], to: '/', want: ['again/', 'again/a=9', ...ALL] },
    {
      name: 'an empty directory makes its destination',
      from: ['app/empty'],
      to: '/new/e',
      want: ['new/', 'new/e/'],
    },
    { name: 'a pattern that matches nothing makes nothing', from: ['no*'], to: '/new/', want: [] },
    { name: 'one file by a pattern to a new name', from: ['on?'], to: '/x', want: ['x=1'] },
    {
      name: 'of several files by a pattern the last becomes the destination that is no directory',
      from: ['app/lib/*'],
      to: '/d',
      want: ['d=2'],
    },
    {
      name: 'several files by a pattern go into a directory that is there',
      from: ['app/lib/*'],
      to: '/etc',
      want: ['etc/', 'etc/a=1', 'etc/b=2'],
    },
    {
      name: 'files by a pattern go into the directory that one before them made',
      from: ['[at][gw]*'],
      to: '/d',
      want: ['d/', 'd/a=9', 'd/two=2'],
    },
    { name: 'dots cannot leave the context', from: ['../../one'], to: '/x', want: ['x=1'] },
    { name: 'an absolute source is relative to the context', from: ['/one'], to: '/x', want: ['x=1'] },
  ])('$name', ({ from, to, want }) => {
    expect(copy(from, to)).toEqual(want);
  });

  test('--chown and --chmod', () => {
    const got = copy(['app'], '/new/app', { chown: { uid: 3, gid: 4 }, chmod: 0o700 });
    expect(got.slice(0, 4)).toEqual([
      'new/ 700 3:4',
      'new/app/ 700 3:4',
      'new/app/empty/ 700 3:4',
      'new/app/lib/ 700 3:4',
    ]);
    expect(got).toContain('new/app/link -> main 3:4');
  });

  test('new directories have the given time, old ones their own', () => {
    const layer = finish(
      placeSelection(base, finish(selectSources(source, ['one'])), {
        destination: '/etc/new/x',
        newDirTime: 5,
      }),
    );
    const times = layer.map((entry) => (entry.kind === 'node' ? entry.node.mtime : undefined));
    expect(times).toEqual([0, 5, 0]);
  });

  test('a directory over a directory takes the mode and owner of the source, its own contents stay', () => {
    const node = dirNode({ mode: 0o700, uid: 5 });
    const selection = finish(selectSources(Tree.of([[{ kind: 'node', path: 'd/srv', node }]]), ['d']));
    const layer = finish(placeSelection(base, selection, { destination: '/', newDirTime: 0 }));
    expect(summary(layer)).toEqual(['srv/ 700 5:0']);
  });

  test('extended attributes, set-id bits and devices are kept', () => {
    const xattrs = new Map([['security.capability', Uint8Array.of(1, 2)]]);
    const file = fileNode('x', { mode: 0o4755, xattrs });
    const device = { ...fileNode(''), type: 'char', major: 1, minor: 3 } as const;
    const tree = Tree.of([
      [
        { kind: 'node', path: 'd/null', node: device },
        { kind: 'node', path: 'd/ping', node: file },
      ],
    ]);
    const layer = finish(
      placeSelection(Tree.empty, finish(selectSources(tree, ['d'])), { destination: '/', newDirTime: 0 }),
    );
    expect(layer).toEqual([
      { kind: 'node', path: 'null', node: device },
      { kind: 'node', path: 'ping', node: file },
    ]);
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
      finish(placeSelection(base, finish(selectSources(other, ['d'])), { destination: '/', newDirTime: 0 })),
    ).toThrow('a file cannot replace the directory "/etc"');
  });

  test('what is missing and what matches nothing is told apart', () => {
    const selection = finish(selectSources(source, ['nope', 'no*', 'one']));
    expect(selection).toMatchObject({ missing: ['nope'], unmatched: ['no*'] });
    expect(nearestNames(source, 'app/lob')).toEqual(['app/lib']);
  });
});

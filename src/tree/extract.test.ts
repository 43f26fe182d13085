import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import { extractInto } from './extract.ts';
import { sortEntries } from './order.ts';
import { finish } from './steps.ts';
import { dirNode, entries, fileNode, linkNode, listing, summary } from './testing.ts';
import { Tree } from './tree.ts';

const base = Tree.of([
  entries(
    'etc/',
    'etc/conf=old',
    'usr/',
    'usr/bin/',
    'bin -> usr/bin',
    'afile=x',
    'up -> ../../..',
    'loop -> loop',
    'void -> /gone/away',
  ),
]);

function unpack(members: readonly string[], destination: string): string[] {
  return summary(finish(extractInto(base, entries(...members), { destination, newDirTime: 0 })));
}

describe('ADD of an archive', () => {
  test.for<{ name: string; members: string[]; to: string; want: string[] }>([
    {
      name: 'goes into the destination',
      members: ['a/', 'a/f=1'],
      to: '/opt',
      want: ['opt/', 'opt/a/', 'opt/a/f=1'],
    },
    { name: 'makes the destination even for nothing', members: [], to: '/opt/x', want: ['opt/', 'opt/x/'] },
    { name: 'makes parents it does not hold', members: ['a/f=1'], to: '/', want: ['a/', 'a/f=1'] },
    { name: 'keeps what is there', members: ['etc/', 'etc/new=1'], to: '/', want: ['etc/', 'etc/new=1'] },
    {
      name: 'follows links of the image',
      members: ['bin/', 'bin/x=1'],
      to: '/',
      want: ['usr/', 'usr/bin/', 'usr/bin/x=1'],
    },
    {
      name: 'follows links of the image to the destination',
      members: ['x=1'],
      to: '/bin',
      want: ['usr/', 'usr/bin/', 'usr/bin/x=1'],
    },
    {
      name: 'follows links of the archive inside the destination',
      members: ['l -> ../../../../etc', 'l/x=1', 'm -> /var', 'm/y=2'],
      to: '/opt',
      want: [
        'opt/',
        'opt/etc/',
        'opt/etc/x=1',
        'opt/l -> ../../../../etc',
        'opt/m -> /var',
        'opt/var/',
        'opt/var/y=2',
      ],
    },
    {
      name: 'follows links that lead to links',
      members: ['l -> m', 'm -> etc', 'n/', 'n/x -> ../l', 'n/x/y=1'],
      to: '/',
      want: ['etc/', 'etc/y=1', 'l -> m', 'm -> etc', 'n/', 'n/x -> ../l'],
    },
    { name: 'ends links that lead out at the root', members: ['up/x=1'], to: '/', want: ['x=1'] },
    {
      name: 'makes what a link leads to',
      members: ['void/', 'void/x=1'],
      to: '/',
      want: ['gone/', 'gone/away/', 'gone/away/x=1'],
    },
    { name: 'a file replaces a link', members: ['bin=1'], to: '/', want: ['bin=1'] },
    {
      name: 'a link replaces a directory',
      members: ['etc -> usr', 'etc/x=1'],
      to: '/',
      want: ['etc -> usr', 'usr/', 'usr/x=1'],
    },
    {
      name: 'a directory replaces a file',
      members: ['afile/', 'afile/x=1'],
      to: '/',
      want: ['afile/', 'afile/x=1'],
    },
    {
      name: 'a directory replaces a link to a file',
      members: ['l -> afile', 'm/', 'm/l -> ../afile', 'm/l/'],
      to: '/',
      want: ['l -> afile', 'm/', 'm/l/'],
    },
    {
      name: 'keeps hard links',
      members: ['a=1', 'b => a'],
      to: '/opt',
      want: ['opt/', 'opt/a=1', 'opt/b => opt/a'],
    },
    {
      name: 'a hard link whose name sorts before its target', // as in usr/bin/perl of Debian
      members: ['perl => perl5', 'perl5=1'],
      to: '/',
      want: ['perl=1', 'perl5 => perl'],
    },
    {
      name: 'hard links to hard links',
      members: ['a => b', 'b => c', 'c=1'],
      to: '/',
      want: ['a=1', 'b => a', 'c => a'],
    },
    { name: 'a hard link to a file of the image', members: ['x => etc/conf'], to: '/', want: ['x=old'] },
    {
      name: 'a hard link to a symbolic link',
      members: ['a -> x', 'b => a'],
      to: '/',
      want: ['a -> x', 'b => a'],
    },
    {
      name: 'passes over whiteouts and its own root',
      members: ['/', '!etc', 'usr/!', 'x=1'],
      to: '/',
      want: ['x=1'],
    },
  ])('$name', ({ members, to, want }) => {
    expect(unpack(members, to)).toEqual(want);
  });

  test.for<{ name: string; members: string[]; to?: string; code: string }>([
    { name: 'a hard link to nothing', members: ['b => a'], code: 'TAR_INVALID' },
    { name: 'a hard link to a directory', members: ['a/', 'b => a'], code: 'TAR_INVALID' },
    { name: 'a hard link to itself', members: ['a => b', 'b => a'], code: 'TAR_INVALID' },
    { name: 'a member below a file of the archive', members: ['a=1', 'a/b=2'], code: 'NOT_A_DIRECTORY' },
    { name: 'a member below a file of the image', members: ['afile/b=2'], code: 'NOT_A_DIRECTORY' },
    { name: 'a member below a link to itself', members: ['loop/x=1'], code: 'PATH_LOOP' },
    { name: 'a destination that is a file', members: ['x=1'], to: '/afile', code: 'COPY_CONFLICT' },
    { name: 'a destination below a file', members: ['x=1'], to: '/afile/d', code: 'NOT_A_DIRECTORY' },
  ])('$name is refused', ({ members, to = '/', code }) => {
    expect(() => unpack(members, to)).toThrow(expect.objectContaining({ code }));
  });

  test('members keep their mode, owner and time', () => {
    const file = fileNode('x', { mode: 0o4711, uid: 3, gid: 4, mtime: 77 });
    const layer = finish(
      extractInto(Tree.empty, [{ kind: 'node', path: 'f', node: file }], {
        destination: '/',
        newDirTime: 9,
      }),
    );
    expect(layer).toEqual([{ kind: 'node', path: 'f', node: file }]);
  });

  test('--chown gives everything an owner, new directories too, and keeps links', () => {
    const layer = finish(
      extractInto(Tree.empty, entries('d/f=1', 'd/g => d/f', 'l -> d'), {
        destination: '/opt',
        newDirTime: 9,
        chown: { uid: 1, gid: 2 },
      }),
    );
    expect(summary(layer)).toEqual([
      'opt/ 1:2',
      'opt/d/ 1:2',
      'opt/d/f=1 1:2',
      'opt/d/g => opt/d/f',
      'opt/l -> d 1:2',
    ]);
  });

  test('what is unpacked is what the layer shows', () => {
    const members = entries('etc -> usr', 'etc/x=1', 'usr/', 'usr/bin=2');
    const after = base.apply(finish(extractInto(base, members, { destination: '/', newDirTime: 0 })));
    expect(listing(after)).toEqual([
      'afile=x',
      'bin -> usr/bin',
      'etc -> usr',
      'loop -> loop',
      'up -> ../../..',
      'usr/',
      'usr/bin=2',
      'usr/x=1',
      'void -> /gone/away',
    ]);
  });

  test('hostile links never lead out of the root, whatever they say', () => {
    const targets = ['..', '../..', '/..', '../../etc', '/etc/../../x', 'a', 'b/..', ''];
    for (const one of targets) {
      for (const two of targets) {
        const members = [
          { kind: 'node', path: 'a', node: linkNode(one) },
          { kind: 'node', path: 'b', node: linkNode(two) },
          { kind: 'node', path: 'a/d', node: dirNode() },
          { kind: 'node', path: 'a/d/f', node: fileNode('1') },
          { kind: 'node', path: 'b/g', node: fileNode('2') },
        ] as const;
        expect(
          pathsOf(() =>
            finish(extractInto(base, finish(sortEntries(members)), { destination: '/opt', newDirTime: 0 })),
          ),
        ).not.toMatch(/(?:^|[/,])\.\.(?:[/,]|$)/);
      }
    }
  });
});

function pathsOf(make: () => readonly { readonly path: string }[]): string {
  try {
    return make()
      .map(({ path }) => path)
      .join(',');
  } catch (error) {
    if (error instanceof LapidaryError) return error.code;
    throw error;
  }
}

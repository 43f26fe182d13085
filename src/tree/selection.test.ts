import { describe, expect, test } from 'vitest';
import { parseIgnore } from '../dockerfile/index.ts';
import { type Selection, selectSources } from './selection.ts';
import { finish } from './steps.ts';
import { entries } from './testing.ts';
import { Tree } from './tree.ts';

const tree = Tree.of([
  entries(
    'app/',
    'app/a.js=1',
    'app/a.txt=2',
    'app/sub/',
    'app/sub/b.txt=3',
    'home.js=4',
    'home.txt=5',
    'homes/',
    'homes/c.txt=6',
    'dir -> app',
    'dangling -> nowhere',
    'loop -> loop',
    String.raw`back\slash`,
    '[x]=7',
  ),
]);

/** What was selected: `name` for a single thing, `dir: paths` for contents; then what was not found. */
function told({ items, missing, unmatched }: Selection): string[] {
  return [
    ...items.map((item) =>
      item.kind === 'node' ? item.name : `dir: ${item.nodes.map(({ path }) => path).join(' ')}`,
    ),
    ...missing.map((source) => `missing ${source}`),
    ...unmatched.map((source) => `unmatched ${source}`),
  ];
}

describe('sources', () => {
  test.for<{ name: string; from: string[]; want: string[] }>([
    { name: 'a file', from: ['home.js'], want: ['home.js'] },
    { name: 'a file below a directory', from: ['app/sub/b.txt'], want: ['b.txt'] },
    { name: 'slashes and dots', from: ['./app//./a.js'], want: ['a.js'] },
    { name: 'dots that lead out', from: ['../../app/../home.js'], want: ['home.js'] },
    { name: 'a directory', from: ['app'], want: ['dir: a.js a.txt sub sub/b.txt'] },
    { name: 'a directory with a slash', from: ['/app/sub/'], want: ['dir: b.txt'] },
    { name: 'through a link', from: ['dir/sub'], want: ['dir: b.txt'] },
    { name: 'a pattern through a link', from: ['dir/*.js'], want: ['a.js'] },
    { name: 'a pattern in the middle', from: ['*/a.txt'], want: ['a.txt'] }, // in app; not in files, nor behind the link
    { name: 'a pattern for directories only', from: ['*/sub'], want: ['dir: b.txt'] },
    { name: 'patterns on two levels', from: ['a*/*/*.txt'], want: ['b.txt'] },
    { name: 'a pattern before dots', from: ['*/../home.js'], want: ['home.js'] },
    { name: 'an escape', from: [String.raw`\[x\]`], want: ['[x]'] },
    { name: 'a class as an escape', from: ['[[]x]'], want: ['[x]'] },
    { name: 'nothing', from: ['nope'], want: ['missing nope'] },
    { name: 'an escaped nothing', from: [String.raw`nope\*`], want: [String.raw`missing nope\*`] },
    { name: 'below a file', from: ['home.js/x'], want: ['missing home.js/x'] },
    { name: 'a link to nothing', from: ['dangling'], want: ['missing dangling'] },
    { name: 'a link to nothing by a pattern', from: ['dang*'], want: ['missing dangling'] },
    { name: 'a pattern for nothing', from: ['*.rb'], want: ['unmatched *.rb'] },
    { name: 'a pattern below nothing', from: ['nope/*'], want: ['unmatched nope/*'] },
    { name: 'a pattern below files', from: ['home*.js/*'], want: ['unmatched home*.js/*'] },
    {
      name: 'some of several',
      from: ['nope', 'home.js', 'no*'],
      want: ['home.js', 'missing nope', 'unmatched no*'],
    },
  ])('$name', ({ from, want }) => {
    expect(told(finish(selectSources(tree, from)))).toEqual(want);
  });

  test.for<{ name: string; from: string; code: string }>([
    { name: 'a link to itself', from: 'loop', code: 'PATH_LOOP' },
    { name: 'a malformed pattern', from: 'app/[', code: 'PATTERN_INVALID' },
  ])('$name is an error', ({ from, code }) => {
    expect(() => finish(selectSources(tree, [from]))).toThrow(expect.objectContaining({ code }));
  });
});

describe('--exclude', () => {
  test.for<{ name: string; from: string[]; exclude: string[]; want: string[] }>([
    {
      name: 'is relative to the source',
      from: ['app'],
      exclude: ['*.txt'],
      want: ['dir: a.js sub sub/b.txt'],
    },
    { name: 'on all levels', from: ['app'], exclude: ['**/*.txt'], want: ['dir: a.js sub'] },
    { name: 'a directory with all in it', from: ['app'], exclude: ['sub'], want: ['dir: a.js a.txt'] },
    {
      name: 'a path below the source',
      from: ['.'],
      exclude: ['app/sub', 'hom*', 'd*', '[bl]*', '\\[*'],
      want: ['dir: app app/a.js app/a.txt'],
    },
    {
      name: 'an exception keeps its directory',
      from: ['app'],
      exclude: ['*', '!sub/b.txt'],
      want: ['dir: sub sub/b.txt'],
    },
    { name: 'what a pattern matches', from: ['hom*'], exclude: ['*.txt'], want: ['home.js', 'dir: '] },
    {
      name: 'a directory that a pattern matches',
      from: ['hom*'],
      exclude: ['homes'],
      want: ['home.js', 'home.txt'],
    },
    { name: 'a file by name', from: ['home.js', 'home.txt'], exclude: ['*.txt'], want: ['home.js'] },
    {
      name: 'not the directory that is the source',
      from: ['app/sub'],
      exclude: ['sub'],
      want: ['dir: b.txt'],
    },
    {
      name: 'nothing of the same name elsewhere',
      from: ['app'],
      exclude: ['b.txt'],
      want: ['dir: a.js a.txt sub sub/b.txt'],
    },
  ])('$name', ({ from, exclude, want }) => {
    const rules = parseIgnore(exclude.join('\n'));
    expect(told(finish(selectSources(tree, from, { exclude: (path) => rules.match(path) })))).toEqual(want);
  });
});

import { describe, expect, test } from 'vitest';
import type { Metadata } from './entry.ts';
import { filesOf, selectSources, withFiles } from './selection.ts';
import { selectionDigest } from './selection-digest.ts';
import { finish } from './steps.ts';
import { dirNode, entries, fileNode } from './testing.ts';
import { Tree } from './tree.ts';

describe('selectionDigest', () => {
  const digest = (tree: Tree, ...sources: string[]): string =>
    finish(selectionDigest(finish(selectSources(tree, sources))));
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
    const selection = finish(selectSources(Tree.of([entries('d/', 'd/a=1', 'd/b => d/a', 'd/c=2')]), ['d']));
    const files = finish(filesOf(selection));
    expect(files).toHaveLength(2);
    const replaced = finish(
      withFiles(
        selection,
        files.map((file) => ({ ...file, mode: 0o600 })),
      ),
    );
    expect(finish(filesOf(replaced)).map((file) => file.mode)).toEqual([0o600, 0o600]);
  });
});

test('the digest does not see which directories are one object', () => {
  const digest = (a = dirNode(), b = dirNode()): string =>
    finish(
      selectionDigest(
        finish(
          selectSources(
            Tree.of([
              [
                { kind: 'node', path: 'a', node: a },
                { kind: 'node', path: 'b', node: b },
              ],
            ]),
            ['.'],
          ),
        ),
      ),
    );
  const same = dirNode();
  expect(digest(same, same)).toBe(digest());
});

test('the metadata of the copied directory itself does not count, as nothing takes it', () => {
  const digest = (mode: number): string =>
    finish(
      selectionDigest(
        finish(
          selectSources(
            Tree.of([
              [
                { kind: 'node', path: 'd', node: dirNode({ mode }) },
                { kind: 'node', path: 'd/f', node: fileNode('x') },
              ],
            ]),
            ['d'],
          ),
        ),
      ),
    );
  expect(digest(0o700)).toBe(digest(0o755));
});

test('files must all be replaced', () => {
  expect(() =>
    finish(withFiles(finish(selectSources(Tree.of([entries('a', 'b', 'c')]), ['.'])), [fileNode('x')])),
  ).toThrow('1 files for 3');
});

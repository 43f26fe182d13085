import { describe, expect, test } from 'vitest';
import type { ContainerConfig, ImageConfig } from '../oci/index.ts';
import { type Entry, Tree } from '../tree/index.ts';
import { dirNode, entries, fileNode, linkNode } from '../tree/testing.ts';
import { compareConfigs } from './compare-config.ts';
import { compareTrees } from './compare-files.ts';

const at = (path: string, node: Extract<Entry, { kind: 'node' }>['node']): Entry => ({
  kind: 'node',
  path,
  node,
});

describe('comparing files', () => {
  test.for<{ name: string; before: readonly Entry[]; after: readonly Entry[]; want: readonly unknown[] }>([
    {
      name: 'what is the same',
      before: entries('a=1', 'd/', 'l -> a'),
      after: entries('a=1', 'd/', 'l -> a'),
      want: [],
    },
    {
      name: 'times',
      before: [at('a', fileNode('1', { mtime: 1 }))],
      after: [at('a', fileNode('1', { mtime: 2 }))],
      want: [],
    },
    {
      name: 'a directory that comes, with what is in it',
      before: [],
      after: entries('d/', 'd/a=12', 'd/b=1'),
      want: ['added /d 0', 'added /d/a 2', 'added /d/b 1'],
    },
    {
      name: 'a file that goes',
      before: entries('a=12', 'b=1'),
      after: entries('b=1'),
      want: ['removed /a 2'],
    },
    {
      name: 'contents',
      before: entries('a=12'),
      after: entries('a=345'),
      want: ['changed /a 2>3 contents {}'],
    },
    {
      name: 'mode and owner',
      before: [at('a', fileNode('1'))],
      after: [at('a', fileNode('1', { mode: 0o4755, uid: 1, gid: 2 }))],
      want: ['changed /a 1>1 mode,owner {"mode":["0644","4755"],"owner":["0:0","1:2"]}'],
    },
    {
      name: 'attributes',
      before: [at('a', fileNode('1'))],
      after: [at('a', fileNode('1', { xattrs: new Map([['security.capability', new Uint8Array([1])]]) }))],
      want: ['changed /a 1>1 attributes {}'],
    },
    {
      name: 'the target of a link, of which the mode says nothing',
      before: [at('a', linkNode('b'))],
      after: [at('a', { ...linkNode('c'), mode: 0o644 })],
      want: ['changed /a 0>0 target {"target":["b","c"]}'],
    },
    {
      name: 'a directory that becomes a file: its files are gone',
      before: [at('a', dirNode()), ...entries('a/b=12')],
      after: entries('a=1'),
      want: ['changed /a 0>1 type {"type":["dir","file"]}', 'removed /a/b 2'],
    },
    {
      name: 'numbers of a device',
      before: [at('a', { ...dirNode(), type: 'char', major: 1, minor: 3 })],
      after: [at('a', { ...dirNode(), type: 'char', major: 1, minor: 5 })],
      want: ['changed /a 0>0 device {"device":["1:3","1:5"]}'],
    },
  ])('$name', ({ before, after, want }) => {
    const changes = compareTrees(Tree.of([before]), Tree.of([after]));
    const told = changes.map((one) =>
      one.change === 'changed'
        ? `changed ${one.path} ${one.before}>${one.bytes} ${one.what.join()} ${JSON.stringify(one.details)}`
        : `${one.change} ${one.path} ${one.bytes}`,
    );
    expect(told).toEqual(want);
  });
});

describe('comparing configurations', () => {
  const image = (config: ContainerConfig, more: Partial<ImageConfig> = {}): ImageConfig => ({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [] },
    config,
    ...more,
  });

  test.for<{ name: string; before: ImageConfig; after: ImageConfig; want: readonly unknown[] }>([
    {
      name: 'times and history',
      before: image({}, { created: 'a', history: [{}] }),
      after: image({}),
      want: [],
    },
    {
      name: 'variables and labels one by one',
      before: image({ Env: ['A=1', 'B=2'], Labels: { l: 'x' } }),
      after: image({ Env: ['B=3', 'C=4'], Labels: { l: 'x', m: '' } }),
      want: [
        { setting: 'Env A', before: '1' },
        { setting: 'Env B', before: '2', after: '3' },
        { setting: 'Env C', after: '4' },
        { setting: 'Label m', after: '' },
      ],
    },
    {
      name: 'lists, ports and the platform',
      before: image({ Cmd: ['a', 'b'], ExposedPorts: { '80/tcp': {} } }),
      after: image({ Cmd: ['a'], User: 'app' }, { architecture: 'arm64' }),
      want: [
        { setting: 'Cmd', before: '["a","b"]', after: '["a"]' },
        { setting: 'ExposedPort 80/tcp', before: '' },
        { setting: 'Platform', before: 'linux/amd64', after: 'linux/arm64' },
        { setting: 'User', after: 'app' },
      ],
    },
  ])('$name', ({ before, after, want }) => {
    expect(compareConfigs(before, after)).toEqual(want);
  });
});

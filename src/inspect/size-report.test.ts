import { describe, expect, test } from 'vitest';
import type { DiffId, Digest, ImageConfig } from '../oci/index.ts';
import { type Entry, Tree } from '../tree/index.ts';
import { dirNode, entries, fileNode } from '../tree/testing.ts';
import type { ImageContents } from './image-contents.ts';
import { sizeReport } from './size-report.ts';

const PLATFORM = { os: 'linux', architecture: 'amd64' };

/** An image of layers as in `entries`, each with a history line; contents are in memory. */
function imageOf(layers: readonly (readonly Entry[])[], history: ImageConfig['history'] = []): ImageContents {
  return {
    id: 'sha256:0' as Digest,
    platform: PLATFORM,
    config: { ...PLATFORM, rootfs: { type: 'layers', diff_ids: [] }, history },
    layers: layers.map((one, i) => ({ diffId: `sha256:${i}` as DiffId, size: 1000 * (i + 1), entries: one })),
    filesystem: {
      tree: Tree.of(layers),
      open: ({ content, size }) => ({
        size,
        read: async (offset, length) =>
          content.kind === 'bytes' ? content.bytes.subarray(offset, offset + length) : new Uint8Array(),
      }),
    },
  };
}

describe('wasted files', () => {
  test.for<{ name: string; layers: readonly (readonly Entry[])[]; want: readonly string[] }>([
    { name: 'none in one layer', layers: [entries('a=12345')], want: [] },
    { name: 'replaced', layers: [entries('a=12345'), entries('a=1')], want: ['/a 5 0 replaced 1'] },
    {
      name: 'replaced twice, the last one stays',
      layers: [entries('a=12345'), entries('a=1234'), entries('a=123')],
      want: ['/a 5 0 replaced 1', '/a 4 1 replaced 2'],
    },
    {
      name: 'the same contents with another mode',
      layers: [entries('a=12345'), [{ kind: 'node', path: 'a', node: fileNode('12345', { mode: 0o600 }) }]],
      want: ['/a 5 0 touched 1'],
    },
    {
      name: 'deleted',
      layers: [entries('a=12345'), entries('b=1'), entries('!a')],
      want: ['/a 5 0 deleted 2'],
    },
    {
      name: 'deleted with a directory, made empty, and below what is no directory any more',
      layers: [entries('d/', 'd/a=123', 'e/', 'e/a=12', 'f/', 'f/a=1'), entries('!d', 'e/', 'e/!', 'f=')],
      want: ['/d/a 3 0 deleted 1', '/e/a 2 0 deleted 1', '/f/a 1 0 deleted 1'],
    },
    {
      name: 'not a file of which another name stays',
      layers: [entries('a=123', 'b => a'), entries('!a')],
      want: [],
    },
    {
      name: 'not directories, links and what is empty',
      layers: [entries('d/', 'l -> a', 'a='), entries('!d', '!l', '!a')],
      want: [],
    },
  ])('$name', async ({ layers, want }) => {
    const { wasted, wastedBytes, layers: sizes } = await sizeReport(imageOf(layers), 0);
    const found = wasted.map(
      ({ path, bytes, layer, how, hiddenBy }) => `${path} ${bytes} ${layer} ${how} ${hiddenBy}`,
    );
    expect(found).toEqual(want);
    expect(wastedBytes).toBe(wasted.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(sizes.reduce((sum, one) => sum + one.wasted, 0)).toBe(wastedBytes);
  });
});

describe('sizes', () => {
  test('of layers, with their lines of the history', async () => {
    const history = [
      { created_by: 'ENV a', empty_layer: true },
      { created_by: 'COPY a' },
      { created_by: 'RUN b' },
    ];
    const image = imageOf([entries('a=1'), entries('b=1')], history);
    const report = await sizeReport(image, 0);
    expect(report.layers.map(({ createdBy, size }) => [createdBy, size])).toEqual([
      ['COPY a', 1000],
      ['RUN b', 2000],
    ]);
    expect([report.size, report.compressed]).toEqual([3000, undefined]);
    const known = { ...image, layers: image.layers.map((layer) => ({ ...layer, compressed: 10 })) };
    expect((await sizeReport(known, 0)).compressed).toBe(20);
  });

  test('of directories, the largest first, down to a depth; a file with two names counts once', async () => {
    const layer = entries(
      'a/',
      'a/b/',
      'a/b/c/',
      'a/b/c/file=123456',
      'a/link => a/b/c/file',
      'z/',
      'z/big=123456789',
      'top=1',
    );
    const { directories } = await sizeReport(imageOf([layer]), 2);
    expect(directories).toEqual({
      path: '/',
      bytes: 16,
      files: 3,
      directories: [
        { path: '/z', bytes: 9, files: 1, directories: [] },
        {
          path: '/a',
          bytes: 6,
          files: 1,
          directories: [{ path: '/a/b', bytes: 6, files: 1, directories: [] }],
        },
      ],
    });
    expect((await sizeReport(imageOf([layer]), 0)).directories.directories).toEqual([]);
  });

  test('of contents that are there more than once', async () => {
    const layer = entries('a=1234', 'b=1234', 'c => a', 'd=12345678', 'e=12345678', 'f=12345678', 'g=', 'h=');
    const { duplicates, duplicateBytes } = await sizeReport(imageOf([layer]), 0);
    expect(duplicates.map(({ bytes, paths }) => [bytes, paths])).toEqual([
      [8, ['/d', '/e', '/f']],
      [4, ['/a', '/b']],
    ]);
    expect(duplicateBytes).toBe(20);
  });
});

describe('packages', () => {
  const file = (path: string, text: string): Entry => ({ kind: 'node', path, node: fileNode(text) });
  const dir = (path: string): Entry => ({ kind: 'node', path, node: dirNode() });

  test.for<{
    name: string;
    layer: readonly Entry[];
    want: readonly (readonly [string, string, number, number])[];
  }>([
    { name: 'none', layer: entries('a=1'), want: [] },
    {
      name: 'of dpkg, through merged directories, once each',
      layer: [
        file(
          'var/lib/dpkg/status',
          'Package: one\nStatus: install ok installed\nVersion: 1:2-3\n\nPackage: two\nVersion: 4\n',
        ),
        file('var/lib/dpkg/info/one.list', '/.\n/bin\n/bin/one\n/gone\n'),
        file('var/lib/dpkg/info/two:amd64.list', '/usr/bin/one\n/lib/two\n/usr/bin/one/x\n'),
        file('var/lib/dpkg/info/two:amd64.md5sums', 'x'),
        ...entries('bin -> usr/bin', 'usr/', 'usr/bin/', 'usr/bin/one=12345', 'lib/', 'lib/two=12'),
      ],
      want: [
        ['one', '1:2-3', 5, 1],
        ['two', '4', 2, 1],
      ],
    },
    {
      name: 'of images without dpkg',
      layer: [
        file('var/lib/dpkg/status.d/base', 'Package: base-files\nVersion: 12\n'),
        file('var/lib/dpkg/status.d/base.md5sums', 'd41d8cd9  etc/os-release\n'),
        file('etc/os-release', 'abc'),
      ],
      want: [['base-files', '12', 3, 1]],
    },
    {
      name: 'of apk',
      layer: [
        dir('lib'),
        file(
          'lib/apk/db/installed',
          'C:Q1\nP:musl\nV:1.2\nF:lib\nR:ld-musl.so\nZ:Q1\nF:etc\nR:gone\n\nP:empty\nV:1\n\n',
        ),
        file('lib/ld-musl.so', '1234'),
      ],
      want: [
        ['musl', '1.2', 4, 1],
        ['empty', '1', 0, 0],
      ],
    },
  ])('$name', async ({ layer, want }) => {
    const { packages } = await sizeReport(imageOf([layer]), 0);
    expect(packages.map(({ name, version, bytes, files }) => [name, version, bytes, files])).toEqual(want);
  });
});

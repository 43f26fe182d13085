import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fileHex, type MemoryStore, memoryStore } from '../../test/support/memory-store.ts';
import {
  archive,
  blobOf,
  builtLayer,
  file,
  imageOf,
  indexOf,
  json,
  LINUX,
  manifestOf,
  membersOf,
  NAME,
  pulledLayer,
} from '../../test/support/stored-image.ts';
import { type Compression, type Descriptor, type Index, MEDIA, sha256 } from '../oci/index.ts';
import type { ImageOutput } from './types.ts';
import { writeImage } from './write-image.ts';

let scratch: string;
let store: MemoryStore;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-export-'));
  store = memoryStore(join(scratch, 'blobs'));
});
afterEach(() => rm(scratch, { recursive: true }));

describe('an OCI archive', () => {
  test('is a sorted layout whose every descriptor holds', async () => {
    const dest = join(scratch, 'a.tar');
    const image = await imageOf(store, [
      await builtLayer(store, file('a', 'hello')),
      await pulledLayer(store, file('b', 'world')),
    ]);
    const result = await writeImage({ images: [image], references: [NAME], output: archive(dest) }, store);
    const tar = await readFile(dest);
    const members = membersOf(tar);
    expect(result).toMatchObject({ size: tar.length, warnings: [] });
    expect([...members.keys()]).toEqual([...members.keys()].sort());
    const index = indexOf(members);
    expect(index.manifests).toEqual([
      {
        ...result.descriptor,
        annotations: { 'io.containerd.image.name': NAME, 'org.opencontainers.image.ref.name': '1' },
      },
    ]);
    const manifest = manifestOf(members, blobOf(index.manifests[0] as Descriptor));
    for (const descriptor of [...index.manifests, manifest.config, ...manifest.layers]) {
      const bytes = members.get(blobOf(descriptor)) ?? Buffer.alloc(0);
      expect([sha256(bytes), bytes.length]).toEqual([descriptor.digest, descriptor.size]);
    }
    expect(manifest.config.digest).toBe(image.id);
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual([
      MEDIA.ociLayerGzip,
      MEDIA.ociLayerGzip,
    ]);
    expect(manifest.layers[1]?.digest).toBe(image.layers[1]?.blob?.digest);
  });

  test('is the same twice, and the second time nothing is compressed', async () => {
    const image = await imageOf(store, [await builtLayer(store, file('a', 'x'.repeat(100_000)))]);
    const digests: string[] = [];
    for (const name of ['1.tar', '2.tar']) {
      await writeImage({ images: [image], references: [NAME], output: archive(join(scratch, name)) }, store);
      digests.push(fileHex(join(scratch, name)));
    }
    expect(digests[0]).toBe(digests[1]);
    expect(store.blobs.streamed).toHaveLength(1);
  });

  test.for([
    { compression: 'gzip', mediaType: MEDIA.ociLayerGzip },
    { compression: 'zstd', mediaType: MEDIA.ociLayerZstd },
    { compression: 'uncompressed', mediaType: MEDIA.ociLayer },
  ] satisfies { compression: Compression; mediaType: string }[])(
    'compresses new layers with $compression',
    async ({ compression, mediaType }) => {
      const dest = join(scratch, 'a.tar');
      const image = await imageOf(store, [await builtLayer(store, file('a', 'hello'))]);
      await writeImage({ images: [image], references: [], output: archive(dest, { compression }) }, store);
      const members = membersOf(await readFile(dest));
      const [line] = indexOf(members).manifests;
      const { layers } = manifestOf(members, blobOf(line as Descriptor));
      expect(layers[0]?.mediaType).toBe(mediaType);
      expect(line).not.toHaveProperty('annotations');
    },
  );

  test('of several platforms is an index over them, in order', async () => {
    const layer = await builtLayer(store, file('a', 'shared'));
    const arm = { os: 'linux', architecture: 'arm', variant: 'v7' };
    const images = [await imageOf(store, [layer]), await imageOf(store, [layer], arm)];
    const dest = join(scratch, 'a.tar');
    const { descriptor } = await writeImage({ images, references: [NAME], output: archive(dest) }, store);
    const members = membersOf(await readFile(dest));
    expect(descriptor?.mediaType).toBe(MEDIA.ociIndex);
    const index = indexOf(members, blobOf(descriptor as Descriptor));
    expect(index.manifests.map(({ platform }) => platform)).toEqual([LINUX, arm]);
  });

  test('a layer that packs to something else is not written', async () => {
    const layer = await builtLayer(store, file('a', 'hello'));
    const image = await imageOf(store, [{ ...layer, diffId: sha256('other') }]);
    const writing = writeImage(
      { images: [image], references: [], output: archive(join(scratch, 'a.tar')) },
      store,
    );
    await expect(writing).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(store.facts.map.size).toBe(0);
    expect(await readdir(scratch)).toEqual(['blobs']);
  });

  test('a damaged blob is noticed, and the old archive stays', async () => {
    const dest = join(scratch, 'a.tar');
    await writeFile(dest, 'old');
    const layer = await pulledLayer(store, file('a', 'hello'));
    const image = await imageOf(store, [layer]);
    store.blobs.damage(layer.blob?.digest as Descriptor['digest']);
    const writing = writeImage({ images: [image], references: [], output: archive(dest) }, store);
    await expect(writing).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(await readFile(dest, 'utf8')).toBe('old');
    expect(await readdir(scratch)).toEqual(['a.tar', 'blobs']);
  });
});

describe('a Docker archive', () => {
  test('is a layout with uncompressed layers and a manifest.json that points into it', async () => {
    const dest = join(scratch, 'd.tar');
    const image = await imageOf(store, [
      await pulledLayer(store, file('b', 'base')),
      await builtLayer(store, file('a', 'x')),
    ]);
    const output = { type: 'docker', dest, tar: true } as const;
    await writeImage({ images: [image], references: [NAME, 'example.com/app:2'], output }, store);
    const members = membersOf(await readFile(dest));
    const layers = image.layers.map(({ diffId }) => `blobs/sha256/${diffId.slice(7)}`);
    expect(json(members, 'manifest.json')).toEqual([
      {
        Config: `blobs/sha256/${image.id.slice(7)}`,
        RepoTags: ['app:1', 'example.com/app:2'],
        Layers: layers,
      },
    ]);
    expect(layers.map((name) => sha256(members.get(name) ?? ''))).toEqual(
      image.layers.map(({ diffId }) => diffId),
    );
    expect(indexOf(members).manifests).toHaveLength(2);
  });

  test.for([
    { name: 'several platforms', tar: true, count: 2, text: 'one platform only' },
    { name: 'a directory', tar: false, count: 1, text: 'cannot be written as a directory' },
  ])('cannot be of $name', async ({ tar, count, text }) => {
    const image = await imageOf(store, []);
    const output = { type: 'docker', dest: join(scratch, 'd.tar'), tar } as const;
    const images = Array.from({ length: count }, () => image);
    await expect(writeImage({ images, references: [], output }, store)).rejects.toThrow(text);
  });
});

const layout = (): ImageOutput => ({ type: 'oci', dest: join(scratch, 'layout'), tar: false });
const lines = async (): Promise<(string | undefined)[]> => {
  const index = JSON.parse(await readFile(join(scratch, 'layout', 'index.json'), 'utf8')) as Index;
  return index.manifests.map((line) => line.annotations?.['io.containerd.image.name']);
};

describe('an OCI layout directory', () => {
  test('is added to; a name moves, other names stay', async () => {
    const first = await imageOf(store, [await builtLayer(store, file('a', '1'))]);
    const second = await imageOf(store, [await builtLayer(store, file('a', '2'))]);
    const other = 'docker.io/library/other:1';
    await writeImage({ images: [first], references: [NAME, other], output: layout() }, store);
    const { descriptor } = await writeImage(
      { images: [second], references: [NAME], output: layout() },
      store,
    );
    expect(await lines()).toEqual([other, NAME]);
    const index = JSON.parse(await readFile(join(scratch, 'layout', 'index.json'), 'utf8')) as Index;
    expect(index.manifests[1]?.digest).toBe(descriptor?.digest);
    expect(await readdir(join(scratch, 'layout', 'blobs', 'sha256'))).toHaveLength(6);
  });

  test('written twice changes nothing but the index, and costs no blob', async () => {
    const image = await imageOf(store, [await builtLayer(store, file('a', '1'))]);
    const request = { images: [image], references: [], output: layout() };
    const first = await writeImage(request, store);
    const second = await writeImage(request, store);
    expect(await lines()).toEqual([undefined]);
    expect(second.size).toBeLessThan(first.size / 2);
  });

  test('a directory with something else in it is refused', async () => {
    await writeFile(join(scratch, 'note.txt'), '');
    const image = await imageOf(store, []);
    const output = { type: 'oci', dest: scratch, tar: false } as const;
    await expect(writeImage({ images: [image], references: [], output }, store)).rejects.toMatchObject({
      code: 'EXPORT_FAILED',
      hint: 'name an empty directory, or the directory of an OCI layout',
    });
  });
});

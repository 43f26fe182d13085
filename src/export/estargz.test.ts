import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EstargzReader, firstMember, tarFiles, tocProblems } from '../../test/support/estargz-reader.ts';
import { type MemoryStore, memoryStore } from '../../test/support/memory-store.ts';
import {
  archive,
  blobOf,
  builtLayer,
  file,
  imageOf,
  indexOf,
  json,
  manifestOf,
  membersOf,
  pulledLayer,
} from '../../test/support/stored-image.ts';
import { type Descriptor, type DiffId, type ImageConfig, MEDIA, sha256 } from '../oci/index.ts';
import type { StoredLayer } from '../solve/index.ts';
import type { Entry, Inode } from '../tree/index.ts';
import { estargzFooter } from './estargz.ts';
import { layerBlob } from './layer-blob.ts';
import { packLayer } from './pack-layer.ts';
import { writeImage } from './write-image.ts';

const METADATA = { mode: 0o755, uid: 1000, gid: 7, mtime: 1_600_000_000, mtimeNs: 0 };
const node = (path: string, inode: object): Entry => ({
  kind: 'node',
  path,
  node: { ...METADATA, ...inode } as Inode,
});
const MIB = 1024 * 1024;
/** Bytes that do not repeat, the same for the same seed. */
function noise(size: number, seed: number): string {
  let state = seed;
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = 32 + ((state >>> 16) % 90);
  }
  return bytes.toString('latin1');
}
const LARGE = noise(8 * 1024, 1).repeat(1160);
const digestsOf = (files: Map<string, Buffer>): unknown[] =>
  [...files].map(([name, bytes]) => [name, sha256(bytes)]);
const ENTRIES: readonly Entry[] = [
  node('', { type: 'dir' }),
  node('bin', { type: 'dir', xattrs: new Map([['user.a', Uint8Array.of(0, 255, 10)]]) }),
  file('bin/empty', ''),
  file('bin/exact', 'x'.repeat(4 * MIB)),
  file('bin/large', LARGE),
  node('bin/link', { type: 'symlink', target: '../ümlaut' }),
  { kind: 'hardlink', path: 'bin/other', target: 'bin/small' },
  file('bin/small', 'small'),
  node('dev', { type: 'block', major: 8, minor: 300 }),
  { kind: 'whiteout', path: 'gone' },
  node('pipe', { type: 'fifo', mtime: -5, mtimeNs: 120_000_000 }),
  file('ümlaut', 'text'),
];

let scratch: string;
let store: MemoryStore;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-estargz-'));
});
afterAll(() => rm(scratch, { recursive: true }));
beforeEach(() => {
  store = memoryStore(join(scratch, 'blobs'));
});

type Made = { readonly descriptor: Descriptor; readonly diffId: DiffId; readonly blob: Buffer };
async function made(stored: StoredLayer, options: { level?: number; force?: boolean } = {}): Promise<Made> {
  const { descriptor, diffId } = await layerBlob(stored, store, {
    compression: 'estargz',
    signal: undefined,
    ...options,
  });
  return { descriptor, diffId, blob: Buffer.from(await store.blobs.readBytes(descriptor.digest)) };
}

describe('an eStargz', () => {
  test('has a table of contents that says what its tar does', async () => {
    const { blob } = await made(await builtLayer(store, ...ENTRIES));
    expect(tocProblems(blob)).toEqual([]);
    const { lines } = new EstargzReader(blob);
    expect(
      lines
        .filter(({ type }) => type === 'chunk')
        .map(({ name, chunkOffset, chunkSize }) => [name, chunkOffset, chunkSize]),
    ).toEqual([
      ['bin/large', 4 * MIB, 4 * MIB],
      ['bin/large', 8 * MIB, undefined],
    ]);
    expect(lines.find(({ name }) => name === 'bin/exact')?.chunkSize).toBeUndefined();
    expect(lines[0]).toMatchObject({ name: '.no.prefetch.landmark', type: 'reg', size: 1 });
  });

  test('gives single files from their own members', async () => {
    const { blob } = await made(await builtLayer(store, ...ENTRIES));
    const reader = new EstargzReader(blob);
    const contents = ['bin/empty', 'bin/large', 'bin/small', 'bin/other', 'ümlaut'].map((name) =>
      sha256(reader.open(name)),
    );
    expect(contents).toEqual(['', LARGE, 'small', 'small', 'text'].map((text) => sha256(text)));
    expect(reader.open('.no.prefetch.landmark')).toEqual(Buffer.of(0xf));
  });

  test('is the layer and two files more to whoever knows nothing of it', async () => {
    const stored = await builtLayer(store, ...ENTRIES);
    const { descriptor, diffId, blob } = await made(stored);
    const tar = gunzipSync(blob);
    const { tocDigest } = new EstargzReader(blob);
    expect([descriptor.mediaType, descriptor.size, diffId]).toEqual([
      MEDIA.ociLayerGzip,
      blob.length,
      sha256(tar),
    ]);
    expect(descriptor.annotations).toEqual({
      'containerd.io/snapshot/stargz/toc.digest': tocDigest,
      'io.containers.estargz.uncompressed-size': String(tar.length),
    });
    const plain = await buffer(packLayer((await store.layers.read(stored.layer)).entries, store.layers));
    const files = tarFiles(tar);
    expect(files.delete('.no.prefetch.landmark') && files.delete('stargz.index.json')).toBe(true);
    expect(digestsOf(files)).toEqual(digestsOf(tarFiles(plain)));
    expect(tar.indexOf(plain.subarray(0, -1024))).toBe(1024); // between the landmark and the table
  });

  test('is made once for each level, the same bytes every time', async () => {
    const layer = await builtLayer(store, ...ENTRIES);
    const first = await made(layer);
    expect(await made(layer, { level: 5, force: true })).toEqual(first);
    expect(store.blobs.streamed).toHaveLength(1);
    expect((await made(layer, { level: 1 })).blob.length).toBeGreaterThan(first.blob.length);
    store.facts.map.clear();
    expect(await made(layer)).toEqual(first);
  });

  test('of any files holds them', async () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.constantFrom(511, 512, 513, MIB)), {
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (lengths) => {
        const texts = lengths.map((length, index) => noise(length, index));
        const { blob } = await made(
          await builtLayer(store, ...texts.map((text, index) => file(`f${index}`, text))),
        );
        expect(tocProblems(blob)).toEqual([]);
        const reader = new EstargzReader(blob);
        for (const [index, text] of texts.entries())
          expect(reader.open(`f${index}`).equals(Buffer.from(text))).toBe(true);
      }),
      { numRuns: 15 },
    );
  });

  test('of very many members without contents stays in pieces', async () => {
    const links = Array.from({ length: 5000 }, (_, index) =>
      node(`l${index}`, { type: 'symlink', target: 'x' }),
    );
    const { blob } = await made(await builtLayer(store, ...links));
    expect(tocProblems(blob)).toEqual([]);
    const [landmark] = new EstargzReader(blob).lines;
    expect(firstMember(blob.subarray(landmark?.offset)).length).toBeLessThan(1.1 * MIB);
  });

  test('drops what an eStargz before left in the layer', async () => {
    const again = [
      '.no.prefetch.landmark',
      '.prefetch.landmark',
      'stargz.index.json',
      'sub/stargz.index.json',
    ];
    const { blob } = await made(
      await builtLayer(store, ...again.map((name) => file(name, 'old')), file('a', 'a')),
    );
    expect(new EstargzReader(blob).lines.map(({ name }) => name)).toEqual([
      '.no.prefetch.landmark',
      'a',
      'sub/stargz.index.json',
    ]);
  });

  test.for([
    { what: 'a name', entry: file('bad\udcff', 'x') },
    { what: 'a link target', entry: node('link', { type: 'symlink', target: 'bad\udcff' }) },
  ])('cannot hold $what that is not UTF-8', async ({ entry }) => {
    const layer = await builtLayer(store, entry);
    await expect(made(layer)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      hint: 'rename the file, or use compression=gzip',
    });
    expect(store.facts.map.size).toBe(0);
  });

  test.for([
    { what: 'a small file', size: 100 },
    { what: 'a file of several chunks', size: 5 * MIB },
  ])('notices that $what has other contents than its layer says', async ({ size }) => {
    const { layer } = await builtLayer(store, file('a', noise(size, 3)));
    const [entry] = (await store.layers.read(layer)).entries;
    if (entry?.kind !== 'node') throw new Error('no node');
    const other = { ...entry, node: { ...entry.node, digest: sha256('other') } as Inode };
    const wrong = await store.layers.write([other]);
    const stored = { layer: wrong.id, diffId: sha256<DiffId>(''), size: 1 };
    await expect(made(stored)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(store.facts.map.size).toBe(0);
  });
});

test('the footer is 51 bytes, an empty gzip member', () => {
  const footer = estargzFooter(0x1_2345_6789);
  expect(footer.length).toBe(51);
  expect(gunzipSync(footer)).toHaveLength(0);
  expect(Buffer.from(footer).toString('latin1', 16, 38)).toBe('0000000123456789STARGZ');
});

describe('an image with eStargz layers', () => {
  const eStargz = (extra: object = {}) =>
    archive(join(scratch, 'a.tar'), { compression: 'estargz', ...extra });

  async function written(image: Parameters<typeof imageOf>[1], extra: object = {}) {
    const stored = await imageOf(store, image);
    await writeImage({ images: [stored], references: [], output: eStargz(extra) }, store);
    const members = membersOf(await readFile(join(scratch, 'a.tar')));
    const manifest = manifestOf(members, blobOf(indexOf(members).manifests[0] as Descriptor));
    return { stored, members, manifest, config: json(members, blobOf(manifest.config)) as ImageConfig };
  }

  test('names their diffIDs in its configuration; base layers stay', async () => {
    const base = await pulledLayer(store, file('b', 'base'));
    const { stored, members, manifest, config } = await written([
      base,
      await builtLayer(store, file('a', 'x')),
    ]);
    const diffIds = manifest.layers.map((layer) => sha256(gunzipSync(members.get(blobOf(layer)) as Buffer)));
    expect(config.rootfs.diff_ids).toEqual(diffIds);
    expect(diffIds[0]).toBe(base.diffId);
    expect(manifest.layers[0]).toEqual({ ...base.blob, mediaType: MEDIA.ociLayerGzip });
    expect(manifest.config.digest).not.toBe(stored.id);
    expect(sha256(members.get(blobOf(manifest.config)) as Buffer)).toBe(manifest.config.digest);
  });

  test('forced, has them for base layers too', async () => {
    const base = await pulledLayer(store, file('b', 'base'));
    const { manifest, members } = await written([base], { forceCompression: true });
    const [layer] = manifest.layers;
    expect(layer?.annotations).toBeDefined();
    expect(new EstargzReader(members.get(blobOf(layer as Descriptor)) as Buffer).open('b').toString()).toBe(
      'base',
    );
  });
});

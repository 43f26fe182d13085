import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AMD64, ARM64, BIG, configOf, DIFF, TAR } from '../../test/support/make-image.ts';
import { type MadeMember, makeTar } from '../../test/support/make-tar.ts';
import { type MemoryStore, memoryStore, sourceOf } from '../../test/support/memory-store.ts';
import { type DiffId, hexOf, MEDIA, type Platform, sha256 } from '../oci/index.ts';
import { importImages, openImageArchive } from './image-archive.ts';
import type { ImportedImage } from './image-archive-types.ts';

let scratch: string;
let store: MemoryStore;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-import-'));
  store = memoryStore(join(scratch, 'blobs'));
});
afterEach(() => rm(scratch, { recursive: true }));

const NAME = 'docker.io/library/app:1';

async function load(tar: Uint8Array, platform?: Platform): Promise<readonly ImportedImage[]> {
  const archive = await openImageArchive(sourceOf(tar.subarray(0, 700), tar.subarray(700)));
  return importImages(archive, { ports: store, platform });
}

const manifest = (item: object): MadeMember => ({ path: 'manifest.json', data: JSON.stringify([item]) });

describe('a Docker archive', () => {
  const config = Buffer.from(JSON.stringify(configOf(AMD64, [DIFF, DIFF])));
  const configName = `${hexOf(sha256(config))}.json`;

  test('with links between layers, as before Docker 25', async () => {
    const members: MadeMember[] = [
      { path: configName, data: config },
      { path: 'aaa/', member: { type: 'dir' } },
      { path: 'aaa/layer.tar', data: TAR },
      { path: 'bbb/layer.tar', member: { type: 'symlink', link: '../aaa/layer.tar' } },
      manifest({
        Config: configName,
        RepoTags: ['app:1', 'x.org/y'],
        Layers: ['aaa/layer.tar', 'bbb/layer.tar'],
      }),
    ];
    const [found] = await load(makeTar(members));
    expect(found).toMatchObject({
      references: [NAME, 'x.org/y:latest'],
      image: { id: sha256(config), platform: AMD64 },
    });
    const [a, b] = found?.image.layers ?? [];
    expect(a).toEqual(b);
    expect(a?.blob).toEqual({ mediaType: MEDIA.ociLayer, digest: DIFF, size: TAR.length });
  });

  test('with compressed layers and no tags', async () => {
    const layers = { 'a.tar': gzipSync(TAR), 'b.tar': zstdCompressSync(TAR) };
    const members = [
      manifest({ Config: 'config', RepoTags: null, Layers: Object.keys(layers) }),
      { path: 'config', data: config },
      ...Object.entries(layers).map(([path, data]) => ({ path, data })),
    ];
    const [found] = await load(makeTar(members));
    expect(found?.references).toEqual([]);
    expect(found?.image.layers.map(({ blob }) => blob?.mediaType)).toEqual([
      MEDIA.ociLayerGzip,
      MEDIA.ociLayerZstd,
    ]);
  });

  test('with a layer too large to be held in memory', async () => {
    const big = Buffer.from(JSON.stringify(configOf(AMD64, [sha256<DiffId>(BIG)])));
    const members = [
      { path: 'c', data: big },
      { path: 'big.tar', data: BIG },
      manifest({ Config: 'c', Layers: ['big.tar'] }),
    ];
    const [found] = await load(makeTar(members));
    expect(found?.image.layers[0]?.size).toBe(BIG.length);
  });

  test.for([
    { name: 'for another platform', code: 'IMAGE_NOT_FOUND', platform: ARM64, item: {}, text: 'linux/arm64' },
    {
      name: 'whose layer is missing',
      code: 'IMAGE_NOT_FOUND',
      item: { Layers: ['x', 'x'] },
      text: '"x" is missing',
    },
    { name: 'with too few layers', code: 'MANIFEST_INVALID', item: { Layers: [] }, text: 'has 0 layers' },
    { name: 'with a bad tag', code: 'MANIFEST_INVALID', item: { RepoTags: ['A B'] }, text: 'manifest.json' },
    { name: 'without a configuration', code: 'MANIFEST_INVALID', item: { Config: 7 }, text: 'malformed' },
    { name: 'that reaches outside', code: 'TAR_INVALID', item: { Config: '../x' }, text: '..' },
  ])('$name is an error', async ({ code, platform, item, text }) => {
    const whole = { Config: configName, RepoTags: [], Layers: ['a.tar', 'a.tar'], ...item };
    const tar = makeTar([{ path: configName, data: config }, { path: 'a.tar', data: TAR }, manifest(whole)]);
    await expect(load(tar, platform)).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  test('whose configuration does not have the digest of its name is an error', async () => {
    const tar = makeTar([{ path: configName, data: '{}' }, manifest({ Config: configName, Layers: [] })]);
    await expect(load(tar)).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
      message: expect.stringContaining(configName),
    });
  });
});

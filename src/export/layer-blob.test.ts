import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MemoryStore, memoryStore, sourceOf } from '../../test/support/memory-store.ts';
import { builtLayer, file, pulledLayer } from '../../test/support/stored-image.ts';
import { MEDIA, sha256 } from '../oci/index.ts';
import type { StoredLayer } from '../solve/index.ts';
import { type LayerBlobOptions, layerBlob } from './layer-blob.ts';
import { packLayer } from './pack-layer.ts';

let scratch: string;
let store: MemoryStore;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-blob-'));
  store = memoryStore(join(scratch, 'blobs'));
});
afterEach(() => rm(scratch, { recursive: true }));

const GZIP: LayerBlobOptions = { compression: 'gzip', signal: undefined };
const text = Array.from({ length: 5000 }, (_, line) => `line ${line * 7919}\n`).join('');
const made = (): number => store.blobs.streamed.length;

describe('a layer of our own', () => {
  test('is compressed once per level', async () => {
    const layer = await builtLayer(store, file('a', text));
    const usual = await layerBlob(layer, store, GZIP);
    const best = await layerBlob(layer, store, { ...GZIP, level: 9 });
    const zstd = await layerBlob(layer, store, { ...GZIP, compression: 'zstd' });
    expect(new Set([usual, best, zstd].map(({ descriptor }) => descriptor.digest)).size).toBe(3);
    expect(made()).toBe(3);
    expect(await layerBlob(layer, store, { ...GZIP, level: 5 })).toEqual(usual);
    expect(await layerBlob(layer, store, { ...GZIP, level: 9, force: true })).toEqual(best);
    expect(made()).toBe(3);
  });

  test('that is not wanted any more leaves nothing', async () => {
    const layer = await builtLayer(store, file('a', text));
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(layerBlob(layer, store, { ...GZIP, signal })).rejects.toThrow('enough');
    expect([store.facts.map.size, made()]).toEqual([0, 0]);
  });

  test('is refused at an impossible level before anything is read', async () => {
    const layer = { ...(await builtLayer(store)), layer: 'sha256:none' } as unknown as StoredLayer;
    await expect(layerBlob(layer, store, { ...GZIP, level: 10 })).rejects.toMatchObject({ code: 'USAGE' });
  });
});

/** A layer whose tar nobody here would write: with the padding of GNU tar. */
async function foreignLayer(): Promise<{ readonly stored: StoredLayer; readonly tar: Buffer }> {
  const { entries } = await store.layers.write([file('a', text)]);
  const tar = Buffer.concat([await buffer(packLayer(entries, store.layers)), Buffer.alloc(4096)]);
  const { layer, diffId, size } = await store.layers.ingestTar(sourceOf(tar), {
    compression: 'uncompressed',
  });
  const blob = await store.blobs.putBytes(gzipSync(tar, { level: 1 }));
  const stored = { layer: layer.id, diffId, size, blob: { mediaType: MEDIA.dockerLayerGzip, ...blob } };
  return { stored, tar };
}

describe('a layer that came as a blob', () => {
  test('stays this blob, under its OCI type', async () => {
    const { stored } = await foreignLayer();
    const { descriptor } = await layerBlob(stored, store, { ...GZIP, compression: 'zstd' });
    const { digest, mediaType } = descriptor;
    expect({ digest, mediaType }).toEqual({ digest: stored.blob?.digest, mediaType: MEDIA.ociLayerGzip });
    expect(made()).toBe(0);
  });

  test('is compressed anew when forced: other bytes of the very same tar', async () => {
    const { stored, tar } = await foreignLayer();
    const { descriptor } = await layerBlob(stored, store, { ...GZIP, level: 9, force: true });
    const { digest, mediaType } = descriptor;
    expect(mediaType).toBe(MEDIA.ociLayerGzip);
    expect(digest).not.toBe(stored.blob?.digest);
    expect(gunzipSync(await store.blobs.readBytes(digest)).equals(tar)).toBe(true);
  });

  test.for(['gzip', 'zstd', 'uncompressed'] as const)(
    'forced to %s, a damaged one is noticed',
    async (compression) => {
      const { stored } = await foreignLayer();
      const options = { ...GZIP, compression, force: true };
      store.blobs.damage(stored.blob?.digest ?? sha256(''));
      await expect(layerBlob(stored, store, options)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
      expect(store.facts.map.size).toBe(0);
    },
  );

  test('forced and of another diffID than promised is an error', async () => {
    const { diffId } = await builtLayer(store, file('other', ''));
    const stored = { ...(await pulledLayer(store, file('a', text))), diffId };
    await expect(layerBlob(stored, store, { ...GZIP, force: true })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
    });
  });
});

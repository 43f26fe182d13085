import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AMD64, type Blob, blob, first, image, layout, TAR } from '../../test/support/make-image.ts';
import { makeTar } from '../../test/support/make-tar.ts';
import { type MemoryStore, memoryStore, sourceOf } from '../../test/support/memory-store.ts';
import { MEDIA, type Platform } from '../oci/index.ts';
import { importImages, openImageArchive } from './image-archive.ts';
import { importLayer } from './image-archive-layers.ts';
import type { ImportedImage } from './image-archive-types.ts';

let scratch: string;
let store: MemoryStore;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-import-'));
  store = memoryStore(join(scratch, 'blobs'));
});
afterEach(() => rm(scratch, { recursive: true }));

/** Layers stay blobs until somebody reads them. */
function readLayers({ image: { layers } }: ImportedImage): Promise<unknown> {
  return Promise.all(
    layers.flatMap(({ blob, diffId }) =>
      blob === undefined ? [] : [importLayer({ blob, compression: 'gzip', diffId }, store, undefined)],
    ),
  );
}

async function load(tar: Uint8Array, platform?: Platform): Promise<readonly ImportedImage[]> {
  const archive = await openImageArchive(sourceOf(tar.subarray(0, 700), tar.subarray(700)));
  return importImages(archive, { ports: store, platform });
}

describe('hostile and broken archives', () => {
  const parts = image();
  const [manifest, config, layer] = parts as readonly [Blob, Blob, Blob];
  const line = [first(parts)];
  const unknownLayer = image(AMD64, blob('application/vnd.example.layer', TAR));
  const notTar = image(AMD64, blob(MEDIA.ociLayerGzip, gzipSync('no tar')));
  const manyLayers = blob(MEDIA.ociManifest, {
    schemaVersion: 2,
    config: config.descriptor,
    layers: [layer.descriptor, layer.descriptor],
  });
  const sized = { ...manifest.descriptor, size: manifest.descriptor.size + 1 };
  test.for([
    { name: 'nothing at all', tar: Buffer.alloc(0), code: 'IMAGE_NOT_FOUND', text: 'neither' },
    { name: 'some other tar', tar: TAR, code: 'IMAGE_NOT_FOUND', text: 'neither' },
    { name: 'no tar', tar: Buffer.alloc(2000, 7), code: 'TAR_INVALID', text: '' },
    {
      name: 'cut off',
      tar: makeTar(layout(parts, line)).subarray(0, 600),
      code: 'TAR_INVALID',
      text: 'early',
    },
    {
      name: 'cut off gzip',
      tar: gzipSync(makeTar([])).subarray(0, 20),
      code: 'TAR_INVALID',
      text: 'decompress',
    },
    {
      name: 'xz that is only a head',
      tar: Buffer.from('fd377a585a000000', 'hex'),
      code: 'TAR_INVALID',
      text: 'damaged or cut off',
    },
    { name: 'a .. in a name', tar: makeTar([{ path: '../x' }]), code: 'TAR_INVALID', text: '..' },
    {
      name: 'a link that leads outside',
      tar: makeTar([{ path: 'a/b', member: { type: 'symlink', link: '../../etc/passwd' } }]),
      code: 'TAR_INVALID',
      text: 'outside of the archive',
    },
    {
      name: 'links in a circle',
      tar: makeTar([{ path: 'index.json', member: { type: 'symlink', link: 'index.json' } }]),
      code: 'TAR_INVALID',
      text: 'circle',
    },
    {
      name: 'a device',
      tar: makeTar([{ path: 'x', member: { type: 'char' } }]),
      code: 'TAR_INVALID',
      text: 'char',
    },
    {
      name: 'a blob with another digest than its name',
      tar: makeTar([{ path: `blobs/sha256/${'0'.repeat(64)}`, data: 'x' }]),
      code: 'DIGEST_MISMATCH',
      text: `blobs/sha256/${'0'.repeat(64)}`,
    },
    {
      name: 'a manifest of another size',
      tar: makeTar(layout(parts, [sized])),
      code: 'DIGEST_MISMATCH',
      text: manifest.member.path,
    },
    {
      name: 'no configuration',
      tar: makeTar(layout([manifest, layer], line)),
      code: 'IMAGE_NOT_FOUND',
      text: config.member.path,
    },
    {
      name: 'no layer',
      tar: makeTar(layout([manifest, config], line)),
      code: 'IMAGE_NOT_FOUND',
      text: layer.member.path,
    },
    {
      name: 'no manifest',
      tar: makeTar(layout([], line)),
      code: 'IMAGE_NOT_FOUND',
      text: manifest.member.path,
    },
    {
      name: 'more layers than diffIDs',
      tar: makeTar(layout([manyLayers, config, layer], [manyLayers.descriptor])),
      code: 'MANIFEST_INVALID',
      text: 'has 2 layers',
    },
    {
      name: 'a layer of an unknown type',
      tar: makeTar(layout(unknownLayer, [first(unknownLayer)])),
      code: 'UNSUPPORTED',
      text: 'vnd.example',
    },
    {
      name: 'a layer with another diffID',
      tar: makeTar(layout(notTar, [first(notTar)])),
      code: 'DIGEST_MISMATCH',
      text: 'diffID',
    },
    {
      name: 'an index of nothing but other things',
      tar: makeTar(layout([], [blob('application/vnd.example', {}).descriptor])),
      code: 'IMAGE_NOT_FOUND',
      text: 'no container image',
    },
    { name: 'an empty index', tar: makeTar(layout([], [])), code: 'IMAGE_NOT_FOUND', text: 'holds no image' },
    {
      name: 'a large index.json',
      tar: makeTar([{ path: 'index.json', data: Buffer.alloc(5_000_000, 0x20) }]),
      code: 'MANIFEST_INVALID',
      text: 'index.json',
    },
  ])('$name', async ({ tar, code, text }) => {
    const reading = load(tar).then((images) => Promise.all(images.map((one) => readLayers(one))));
    await expect(reading).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });

  test('a blob that is known, promised with another size', async () => {
    await load(makeTar(layout(parts, line)));
    const lying = { ...layer.descriptor, size: layer.descriptor.size + 1 };
    const forged = blob(MEDIA.ociManifest, { schemaVersion: 2, config: config.descriptor, layers: [lying] });
    const loading = load(makeTar(layout([forged, config, layer], [forged.descriptor])));
    await expect(loading).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(loading).rejects.toThrow(layer.member.path);
    const resized = { ...layer.member, data: 'short' };
    await expect(load(makeTar([resized]))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
  });

  test('indexes nested without end', async () => {
    let index = blob(MEDIA.ociIndex, { schemaVersion: 2, manifests: [first(parts)] });
    const blobs = [...parts, index];
    for (let depth = 0; depth < 10; depth++) {
      index = blob(MEDIA.ociIndex, { schemaVersion: 2, manifests: [index.descriptor] });
      blobs.push(index);
    }
    const loading = load(makeTar(layout(blobs, [index.descriptor])));
    await expect(loading).rejects.toMatchObject({ code: 'MANIFEST_INVALID' });
  });

  test('an abort rejects with its reason and closes the source', async () => {
    const [reason, controller] = [new Error('enough'), new AbortController()];
    const tar = makeTar(layout(parts, line));
    let closed = false;
    const source = (async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield tar.subarray(0, 600);
        controller.abort(reason);
        for (;;) yield tar.subarray(600, 700);
      } finally {
        closed = true;
      }
    })();
    const options = { ports: store, signal: controller.signal };
    await expect(importImages(await openImageArchive(source), options)).rejects.toBe(reason);
    expect(closed).toBe(true);
  });
});

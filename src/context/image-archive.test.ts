import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  AMD64,
  ARM64,
  BIG,
  blob,
  DIFF,
  first,
  image,
  layout,
  named,
  TAR,
} from '../../test/support/make-image.ts';
import { type MadeMember, makeTar } from '../../test/support/make-tar.ts';
import { type MemoryStore, memoryStore, sourceOf } from '../../test/support/memory-store.ts';
import { MEDIA, type Platform } from '../oci/index.ts';
import type { LocalLayer, StoredLayer } from '../solve/index.ts';
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

const NAME = 'docker.io/library/app:1';

async function load(tar: Uint8Array, platform?: Platform): Promise<readonly ImportedImage[]> {
  const archive = await openImageArchive(sourceOf(tar.subarray(0, 700), tar.subarray(700)));
  return importImages(archive, { ports: store, platform });
}

async function loadDirectory(members: readonly MadeMember[], suffix = ''): Promise<readonly ImportedImage[]> {
  const root = join(scratch, 'layout');
  for (const { path, data = '' } of members) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), data);
  }
  return importImages(await openImageArchive(`oci-layout://${root}${suffix}`), { ports: store });
}

/** A layer that is a blob, as somebody who needs it reads it. */
function readLayer(stored: StoredLayer | undefined): Promise<LocalLayer> {
  if (stored?.blob === undefined) throw new Error('no blob');
  const { blob, diffId } = stored;
  return importLayer({ blob, compression: 'gzip', diffId }, store, undefined);
}

describe('an OCI archive', () => {
  test('gives its image, configuration and names', async () => {
    const parts = image();
    const [found, ...more] = await load(makeTar(layout(parts, [named(first(parts), NAME, '1')])));
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      references: [NAME],
      image: { id: parts[1]?.descriptor.digest, platform: AMD64 },
      config: { config: { Cmd: ['/bin/sh'] } },
      manifest: first(parts).digest,
    });
    const [layer] = found?.image.layers ?? [];
    expect(layer).toEqual({ diffId: DIFF, blob: parts[2]?.descriptor });
    const read = await readLayer(layer);
    expect(read).toMatchObject({ diffId: DIFF, size: TAR.length, blob: parts[2]?.descriptor });
    const { entries } = await store.layers.read(read.layer);
    expect(entries.map(({ path }) => path)).toEqual(['etc/motd']);
  });

  test.for([
    { name: 'gzip', pack: gzipSync },
    { name: 'zstd', pack: zstdCompressSync },
  ])('may be compressed with $name as a whole', async ({ pack }) => {
    const parts = image();
    expect(await load(pack(makeTar(layout(parts, [first(parts)]))))).toHaveLength(1);
  });

  test('under two names comes once with both', async () => {
    const parts = image();
    const lines = [named(first(parts), NAME, '1'), named(first(parts), 'localhost:5000/x:2', '2')];
    const found = await load(makeTar(layout(parts, lines)));
    expect(found.map(({ references }) => references)).toEqual([[NAME, 'localhost:5000/x:2']]);
  });

  test.for([
    { name: 'no platform asked for gives all', platform: undefined, want: [AMD64, ARM64] },
    { name: 'a platform asked for gives the one', platform: ARM64, want: [ARM64] },
    { name: 'a higher variant takes the lower', platform: { ...AMD64, variant: 'v3' }, want: [AMD64] },
  ])('with an index: $name; attestations are passed over', async ({ platform, want }) => {
    const [amd, arm] = [image(AMD64), image(ARM64)];
    const attestation = blob(MEDIA.ociManifest, {}, { platform: { os: 'unknown', architecture: 'unknown' } });
    const manifests = [first(amd), attestation.descriptor, first(arm)];
    const index = blob(MEDIA.ociIndex, { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests });
    const outer = blob(MEDIA.dockerIndex, { schemaVersion: 2, manifests: [index.descriptor] });
    const members = layout([...amd, ...arm.slice(0, 2), index, outer], [named(outer.descriptor, NAME, '1')]);
    const found = await load(makeTar(members), platform);
    expect(found.map(({ image }) => image.platform)).toEqual(want);
    expect(found.every(({ references }) => references[0] === NAME)).toBe(true);
  });

  test('of which an index promises more than there is gives what there is', async () => {
    const [amd, arm] = [image(AMD64), image(ARM64)];
    const index = blob(MEDIA.ociIndex, { schemaVersion: 2, manifests: [first(arm), first(amd)] });
    const found = await load(makeTar(layout([...amd, index], [index.descriptor])));
    expect(found.map(({ image }) => image.platform)).toEqual([AMD64]);
  });

  test('read again reads no layer', async () => {
    const tar = makeTar(layout(image(), [first(image())]));
    const [once] = await load(tar);
    const [twice] = await load(tar);
    expect(twice).toEqual(once);
    expect(store.layers.ingested).toBe(0);
    const read = await readLayer(once?.image.layers[0]);
    const [known] = await load(tar);
    expect(known?.image.layers).toEqual([read]);
    expect(store.layers.ingested).toBe(1);
  });

  test('with a known diffID over another blob is not believed', async () => {
    const [known] = await load(makeTar(layout(image(), [first(image())])));
    await readLayer(known?.image.layers[0]);
    const forged = image(AMD64, blob(MEDIA.ociLayerGzip, gzipSync(BIG)));
    await expect(load(makeTar(layout(forged, [first(forged)])))).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
  });
});

describe('an OCI layout directory', () => {
  const [one, two] = [image(AMD64), image(ARM64)];
  const both = layout(
    [...one, ...two],
    [named(first(one), NAME, '1'), named(first(two), 'x.org/y:latest', 'latest')],
  );

  test.for([
    { name: 'latest when nothing is said', suffix: '', want: ARM64 },
    { name: 'a tag', suffix: ':1', want: AMD64 },
    { name: 'a digest', suffix: `@${first(one).digest}`, want: AMD64 },
  ])('gives $name', async ({ suffix, want }) => {
    const found = await loadDirectory(both, suffix);
    expect(found.map(({ image }) => image.platform)).toEqual([want]);
  });

  test('gives its only image whatever it is called', async () => {
    expect(await loadDirectory(layout(one, [named(first(one), NAME, '1')]))).toHaveLength(1);
  });

  test('without the tag says which there are', async () => {
    await expect(loadDirectory(both, ':3')).rejects.toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      hint: `it holds "${NAME}", "x.org/y:latest"`,
    });
  });

  test('with a blob that is not what its name says is an error that names it', async () => {
    const members = both.map((member) =>
      member.path === one[2]?.member.path ? { ...member, data: 'no' } : member,
    );
    const loading = loadDirectory(members, ':1');
    await expect(loading).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(loading).rejects.toThrow(one[2]?.member.path);
  });

  test('that is not there is an error', async () => {
    await expect(openImageArchive(`oci-layout://${scratch}/none:1`)).rejects.toMatchObject({
      code: 'CONTEXT_UNREADABLE',
      message: `there is no "${scratch}/none"`,
    });
  });
});

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../src/oci/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { END, encodeHeader } from '../../src/tar/index.ts';
import type { Entry } from '../../src/tree/index.ts';

const SIZE = 2 * 1024 * 1024;
const large = randomBytes(SIZE);
const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

let mount: string;
let store: Store;
beforeEach(async () => {
  mount = await mkdtemp(join(tmpdir(), 'lapidary-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=700', 'none', mount]);
  store = await openStore(join(mount, 'store'));
});
afterEach(async () => {
  execFileSync('umount', [mount]);
  await rm(mount, { recursive: true });
});

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
const layerOf = (bytes: Uint8Array): Entry[] => [
  {
    kind: 'node',
    path: 'f',
    node: {
      type: 'file',
      ...metadata,
      size: bytes.length,
      digest: sha256(bytes),
      content: { kind: 'bytes', bytes },
    },
  },
];
const header = encodeHeader({ path: 'f', type: 'file', ...metadata, size: SIZE });

describe('on a full disk', () => {
  test.for<{ name: string; use: () => Promise<unknown> }>([
    { name: 'a blob', use: () => store.blobs.putStream(inPieces(large), {}) },
    { name: 'a small blob', use: () => store.blobs.putBytes(large) },
    { name: 'a layer', use: () => store.layers.write(layerOf(large)) },
    {
      name: 'a layer tar',
      use: () =>
        store.layers.ingestTar(inPieces(Buffer.concat([header, large, END])), {
          compression: 'uncompressed',
        }),
    },
    { name: 'a fact', use: () => store.facts.put('key', large.toString('hex')) },
  ])('$name is an error that says so, and leaves room for what fits', async ({ use }) => {
    await expect(use()).rejects.toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('no space left on device'),
      hint: expect.stringContaining('free some space'),
    });
    expect(await readdir(store.paths.work)).toEqual([]);
    expect(await readdir(store.paths.packs)).toEqual([]);
    const small = large.subarray(0, 300_000);
    const { id } = await store.layers.write(layerOf(small));
    expect((await store.layers.read(id)).id).toBe(id);
    expect(await store.facts.get('key')).toBeUndefined();
  });

  test('a store that could not be made can be made when there is room again', async () => {
    const filler = join(mount, 'filler');
    await writeFile(filler, '');
    execFileSync('sh', ['-c', `cat /dev/zero > "$1" 2>/dev/null || true`, 'sh', filler]);
    await expect(openStore(join(mount, 'second'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
    await rm(filler);
    const second = await openStore(join(mount, 'second'));
    expect(await second.images.list()).toEqual([]);
    await second[Symbol.asyncDispose]();
  });
});

import { mkdtempSync, readdirSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { type Digest, hexOf } from '../oci/index.ts';
import type { Layer } from '../tree/index.ts';
import { fileNode } from '../tree/testing.ts';
import { openStore } from './open-store.ts';

// A power cut is a boot with another ID, after which a file has fewer bytes than were written to it.

const scratch = mkdtempSync(join(tmpdir(), 'lapidary-recover-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let root: string;
let count = 0;
beforeEach(() => {
  root = join(scratch, String(count++));
});

type Written = { readonly blob: Digest; readonly layer: Layer; readonly pack: string };

async function write(): Promise<Written> {
  await using store = await openStore(root);
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.alloc(10_000, 'blob');
  }
  const { digest } = await store.blobs.putStream(bytes(), {});
  const layer = await store.layers.write([{ kind: 'node', path: 'f', node: fileNode('contents of f') }]);
  const [pack = ''] = readdirSync(store.paths.packs);
  return { blob: digest, layer, pack };
}

/** The machine goes down and comes up again. */
function reboot(): void {
  const marks = join(root, 'unsettled');
  const [boot = ''] = readdirSync(marks);
  renameSync(join(marks, boot), join(marks, 'an-earlier-boot'));
}

async function present({ blob, layer }: Written): Promise<{ blob: boolean; layer: boolean }> {
  await using store = await openStore(root);
  return { blob: await store.blobs.has(blob), layer: await store.layers.has(layer.id) };
}

describe('after a power cut', () => {
  test('what is whole stays, and is in doubt no longer', async () => {
    const written = await write();
    reboot();
    expect(await present(written)).toEqual({ blob: true, layer: true });
    expect(readdirSync(join(root, 'unsettled'))).toEqual([]);
  });

  test('a blob without its bytes is gone', async () => {
    const written = await write();
    reboot();
    truncateSync(join(root, 'blobs/sha256', hexOf(written.blob)), 100);
    expect(await present(written)).toEqual({ blob: false, layer: true });
  });

  test('a layer whose contents are incomplete was never made', async () => {
    const written = await write();
    reboot();
    truncateSync(join(root, 'packs', written.pack), 3);
    expect(await present(written)).toEqual({ blob: true, layer: false });
  });

  test('nothing is looked at again within one boot', async () => {
    const written = await write();
    truncateSync(join(root, 'packs', written.pack), 3);
    expect(await present(written)).toEqual({ blob: true, layer: true });
    expect(readdirSync(join(root, 'unsettled'))).toHaveLength(1);
  });
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ARM64, DIFF, TAR } from '../../test/support/make-image.ts';
import { type MemoryStore, memoryStore, sourceOf } from '../../test/support/memory-store.ts';
import type { ImageConfig } from '../oci/index.ts';
import { importRootfsTar } from './archive-rootfs.ts';

let scratch: string;
let store: MemoryStore;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-import-'));
  store = memoryStore(join(scratch, 'blobs'));
});
afterEach(() => rm(scratch, { recursive: true }));

describe('importRootfsTar', () => {
  test('makes one layer and a configuration of the platform, measured canonically', async () => {
    const made = await importRootfsTar(sourceOf(gzipSync(TAR)), {
      platform: ARM64,
      compression: 'gzip',
      created: '2026-01-01T00:00:00Z',
      createdBy: 'lapidary bootstrap',
      measure: () => Promise.resolve({ diffId: DIFF, size: 77 }),
      ports: store,
    });
    expect(made).toMatchObject({ platform: ARM64, layers: [{ diffId: DIFF, size: 77 }] });
    expect(made.layers[0]).not.toHaveProperty('blob');
    const config = JSON.parse(String(Buffer.from(await store.blobs.readBytes(made.id)))) as ImageConfig;
    expect(config).toMatchObject({
      ...ARM64,
      created: '2026-01-01T00:00:00Z',
      rootfs: { type: 'layers', diff_ids: [DIFF] },
      history: [{ created: '2026-01-01T00:00:00Z', created_by: 'lapidary bootstrap' }],
    });
  });
});

import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { TestRegistry } from '../../test/support/registry/test-registry.ts';
import type { RegistryOptions } from '../../test/support/registry/types.ts';
import { sha256 } from '../oci/index.ts';
import { blobOf, openTestClient, sourceOf, testBytes } from './test-client.ts';

const MIB = 1024 * 1024;
const bytes = testBytes(2 * MIB + 17);
const blob = blobOf(bytes);

describe('pushBlob', () => {
  test.for<{ readonly name: string; readonly options: RegistryOptions; readonly slept?: number }>([
    { name: 'a registry that behaves', options: {} },
    { name: 'relative locations', options: { locations: 'relative' } },
    { name: 'no chunks: one PUT', options: { chunks: false } },
    {
      name: 'the connection breaks, the registry keeps what it has',
      options: { faults: [{ do: 'drop', method: 'PATCH', afterBytes: MIB }] },
    },
    {
      name: 'the connection breaks, the registry keeps nothing',
      options: { faults: [{ do: 'drop', method: 'PATCH' }] },
    },
    { name: 'the answer to a PATCH is lost', options: { faults: [{ do: 'silence', method: 'PATCH' }] } },
    { name: 'the answer to the commit is lost', options: { faults: [{ do: 'silence', method: 'PUT' }] } },
    {
      name: 'the commit fails for a while',
      options: { faults: [{ do: 'status', status: 502, method: 'PUT', times: 3 }] },
    },
    {
      name: 'too many requests',
      options: { faults: [{ do: 'status', status: 429, retryAfter: 7, method: 'POST' }] },
    },
    {
      name: 'the upload is forgotten',
      options: { faults: [{ do: 'status', status: 404, endpoint: 'upload', method: 'PUT', times: 1 }] },
    },
    {
      name: 'its state is not told after a fault',
      options: {
        faults: [
          { do: 'drop', method: 'PATCH' },
          { do: 'status', status: 404, endpoint: 'upload', method: 'GET' },
        ],
      },
    },
  ])('$name', async ({ options }) => {
    await using registry = await TestRegistry.start(options);
    await using opened = openTestClient();
    const repository = opened.client.repository({ registry: registry.host, repository: 'a/b' });
    expect(await repository.pushBlob(blob, sourceOf(bytes))).toBe('uploaded');
    expect((await buffer(repository.openBlob(blob))).equals(bytes)).toBe(true);
    expect(await repository.pushBlob(blob, sourceOf(bytes))).toBe('exists');
    expect([registry.violations, registry.faults.unused]).toEqual([[], []]);
  });

  test('goes on at the offset of the registry', async () => {
    await using registry = await TestRegistry.start({
      faults: [{ do: 'drop', method: 'PATCH', afterBytes: MIB }],
    });
    await using opened = openTestClient();
    await opened.client
      .repository({ registry: registry.host, repository: 'a' })
      .pushBlob(blob, sourceOf(bytes));
    const [first, second, ...more] = registry
      .requests({ method: 'PATCH' })
      .map(({ headers }) => headers['content-range']);
    expect([first, more]).toEqual([`0-${blob.size - 1}`, []]);
    expect(Number(second?.split('-')[0])).toBeGreaterThanOrEqual(MIB);
    expect(opened.events.map(({ type }) => type)).toContain('resumed');
  });

  test('mounts before it uploads, and uses the upload that a refused mount opens', async () => {
    await using registry = await TestRegistry.start();
    await using opened = openTestClient();
    const at = (repository: string) => opened.client.repository({ registry: registry.host, repository });
    await at('base').pushBlob(blob, sourceOf(bytes));
    expect(await at('app').pushBlob(blob, sourceOf(bytes), { mountFrom: ['other', 'base'] })).toBe('mounted');
    const small = testBytes(100);
    expect(await at('app').pushBlob(blobOf(small), sourceOf(small), { mountFrom: ['base'] })).toBe(
      'uploaded',
    );
    expect(registry.requests({ method: 'POST', path: blobOf(small).digest.slice(7) })).toHaveLength(1);
    expect(await at('app2').mountBlob(blob.digest, 'nowhere')).toBe(false);
    expect(registry.storage.uploads.size).toBe(0);
    expect(registry.violations).toEqual([]);
  });

  test('a source that ends early is no fault of the registry', async () => {
    await using registry = await TestRegistry.start();
    await using opened = openTestClient();
    const push = opened.client
      .repository({ registry: registry.host, repository: 'a' })
      .pushBlob(blob, sourceOf(bytes.subarray(9)));
    await expect(push).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(opened.slept).toEqual([]);
  });

  test('a source that is not what it says is refused by the registry', async () => {
    await using registry = await TestRegistry.start();
    await using opened = openTestClient();
    const other = Buffer.from(bytes).fill(7, 100, 200);
    const push = opened.client
      .repository({ registry: registry.host, repository: 'a' })
      .pushBlob(blob, sourceOf(other));
    await expect(push).rejects.toMatchObject({ code: 'REGISTRY_FAILED', status: 400 });
  });

  test('what the source throws comes out as it is', async () => {
    await using registry = await TestRegistry.start();
    await using opened = openTestClient();
    const error = new Error('disk on fire');
    const push = opened.client
      .repository({ registry: registry.host, repository: 'a' })
      .pushBlob(blob, async function* () {
        yield bytes.subarray(0, MIB);
        throw error;
      });
    await expect(push).rejects.toBe(error);
  });
});

describe('pushStream', () => {
  const long = testBytes(3 * MIB + 100);
  test.for<{ readonly name: string; readonly data: Uint8Array; readonly options: RegistryOptions }>([
    { name: 'nothing at all', data: new Uint8Array(), options: {} },
    { name: 'less than a chunk', data: bytes.subarray(0, 1000), options: {} },
    { name: 'several chunks', data: long, options: {} },
    { name: 'no chunks: read twice', data: long, options: { chunks: false } },
    { name: 'chunks that nobody could hold', data: long, options: { chunkMinLength: 2 ** 40 } },
    {
      name: 'the second chunk breaks off',
      data: long,
      options: { faults: [{ do: 'drop', method: 'PATCH', after: 1, afterBytes: 65_536 }] },
    },
    {
      name: 'the registry forgets it',
      data: long,
      options: {
        faults: [
          { do: 'drop', method: 'PATCH', after: 1 },
          { do: 'status', status: 404, method: 'GET', endpoint: 'upload' },
        ],
      },
    },
  ])('$name', async ({ data, options }) => {
    await using registry = await TestRegistry.start(options);
    await using opened = openTestClient({}, { chunkBytes: MIB });
    const repository = opened.client.repository({ registry: registry.host, repository: 'a' });
    expect(await repository.pushStream(sourceOf(data))).toEqual({ digest: sha256(data), size: data.length });
    expect((await buffer(repository.openBlob(blobOf(data)))).equals(data)).toBe(true);
    expect([registry.violations, registry.faults.unused]).toEqual([[], []]);
  });
});

test('checkPush leaves no upload behind', async () => {
  await using registry = await TestRegistry.start();
  await using opened = openTestClient();
  await opened.client.repository({ registry: registry.host, repository: 'a' }).checkPush();
  expect([registry.storage.uploads.size, registry.violations]).toEqual([0, []]);
});

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Descriptor, MEDIA, sha256 } from '../../../src/oci/index.ts';
import type { RegistryClientOptions, Repository } from '../../../src/registry/index.ts';
import { loggedIn, type TestClient, testClient } from '../../support/registry/client.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import { TokenServer } from '../../support/registry/token-server.ts';
import type { Fault, RegistryOptions } from '../../support/registry/types.ts';

const BYTES = randomBytes(300_000);
const BLOB: Descriptor = { mediaType: MEDIA.ociLayer, digest: sha256(BYTES), size: BYTES.length };
const MANIFEST = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: [] }));
const MANIFEST_DIGEST = sha256(MANIFEST);
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 10_000) yield bytes.subarray(at, at + 10_000);
}

let stack: AsyncDisposableStack;
let file: string;
let registry: TestRegistry;
let repository: Repository;
let kit: TestClient;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'lapidary-faults-'));
  stack.defer(() => rm(dir, { recursive: true }));
  file = join(dir, 'blob');
});
afterEach(() => stack.disposeAsync());

/** A registry that has the blob and the manifest, tagged `1`, and a client of it. */
async function given(
  faults: readonly Fault[],
  options: RegistryOptions = {},
  client: Partial<RegistryClientOptions> = {},
): Promise<void> {
  registry = stack.use(await TestRegistry.start({ ...options, faults }));
  await registry.storage.addBlob('app', BYTES);
  const { manifests, tags } = registry.storage.repository('app');
  manifests.set(MANIFEST_DIGEST, { bytes: MANIFEST, mediaType: MEDIA.ociIndex });
  tags.set('1', MANIFEST_DIGEST);
  kit = testClient(client);
  stack.use(kit.client);
  repository = kit.client.repository({ registry: registry.host, repository: 'app' });
}

async function fetched(): Promise<void> {
  await repository.fetchBlobTo(BLOB, file);
  expect(sha256(await readFile(file))).toBe(BLOB.digest);
  expect(registry.faults.unused).toEqual([]);
  expect(registry.violations).toEqual([]);
}
/** What is left after an error is nothing, or the beginning of the blob. */
async function expectNothingWrong(): Promise<void> {
  if (!existsSync(file)) return;
  const kept = await readFile(file);
  expect(kept.equals(BYTES.subarray(0, kept.length))).toBe(true);
}
const blobRequests = (): readonly (readonly [status: number, range: string | undefined, bytes: number])[] =>
  registry
    .requests({ method: 'GET', endpoint: 'blob' })
    .map(({ status, headers, bytesOut }) => [status, headers.range, bytesOut] as const);

describe('a pull', () => {
  test('that is cut off asks for the rest only, as often as it takes', async () => {
    await given([{ endpoint: 'blob', do: 'cut', atByte: 90_000, times: 3 }]);
    await fetched();
    expect(blobRequests()).toEqual([
      [200, undefined, 90_000],
      [206, 'bytes=90000-', 90_000],
      [206, 'bytes=180000-', 90_000],
      [206, 'bytes=270000-', 30_000],
    ]);
  });

  test('goes on in the next process where the last one was', async () => {
    await given([
      { endpoint: 'blob', do: 'cut', atByte: 200_000 },
      { endpoint: 'blob', do: 'drop', times: 1000 },
    ]);
    await expect(repository.fetchBlobTo(BLOB, file)).rejects.toMatchObject({
      code: expect.stringMatching(/^REGISTRY_/) as string,
    });
    expect((await readFile(file)).equals(BYTES.subarray(0, 200_000))).toBe(true);
    await given([]);
    await fetched();
    expect(blobRequests()).toEqual([[206, 'bytes=200000-', 100_000]]);
  });

  test('starts again where the registry knows no ranges', async () => {
    await given([{ endpoint: 'blob', do: 'cut', atByte: 90_000 }], { ranges: false });
    await fetched();
    expect(blobRequests().map(([status, , bytes]) => [status, bytes])).toEqual([
      [200, 90_000],
      [200, 300_000],
    ]);
  });

  test('as a stream gives every byte once, however often it is cut off', async () => {
    await given([{ endpoint: 'blob', do: 'cut', atByte: 70_000, times: 4 }]);
    expect((await buffer(repository.openBlob(BLOB))).equals(BYTES)).toBe(true);
    expect(registry.faults.unused).toEqual([]);
  });

  test('that is damaged on the way is fetched again, once', async () => {
    await given([{ endpoint: 'blob', do: 'corrupt', atByte: 150_000 }]);
    await fetched();
    expect(kit.events).toContainEqual({ type: 'refetch', digest: BLOB.digest });
    expect(blobRequests()).toHaveLength(2);
  });

  test.for<{ name: string; fault: Fault }>([
    { name: 'another digest', fault: { do: 'corrupt', atByte: 150_000, times: 10 } },
    { name: 'more bytes', fault: { do: 'resize', by: 100_000, times: 10 } },
    { name: 'bytes without end', fault: { do: 'endless', times: 10 } },
  ])('of $name ends with an error and leaves nothing', async ({ fault }) => {
    await given([{ endpoint: 'blob', ...fault }]);
    await expect(repository.fetchBlobTo(BLOB, file)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:DIGEST_MISMATCH|REGISTRY_FAILED)$/) as string,
    });
    await expectNothingWrong();
    expect(registry.log.length).toBeLessThanOrEqual(3);
    // What sockets hold, and not much more.
    for (const { bytesOut } of registry.log) expect(bytesOut).toBeLessThan(10_000_000);
  });

  test.for<{ name: string; fault: Fault }>([
    { name: 'another digest', fault: { do: 'corrupt', atByte: 150_000, times: 10 } },
    { name: 'more bytes', fault: { do: 'resize', by: 100_000, times: 10 } },
    { name: 'bytes without end', fault: { do: 'endless', times: 10 } },
  ])('as a stream of $name never gives more than the blob has, and ends with an error', async ({ fault }) => {
    await given([{ endpoint: 'blob', ...fault }]);
    let received = 0;
    const read = async (): Promise<void> => {
      for await (const piece of repository.openBlob(BLOB)) received += piece.length;
    };
    await expect(read()).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:DIGEST|REGISTRY)_/) as string,
    });
    expect(received).toBeLessThanOrEqual(BLOB.size);
  });

  test('of fewer bytes than there must be goes on, and is given up when no more come', async () => {
    await given([{ endpoint: 'blob', do: 'resize', by: -100_000, times: 1000 }]);
    await expect(repository.fetchBlobTo(BLOB, file)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:DIGEST_MISMATCH|REGISTRY_FAILED)$/) as string,
    });
    await expectNothingWrong();
  });

  test('is asked for elsewhere without credentials', async () => {
    const other = stack.use(await TestRegistry.start());
    await other.storage.addBlob('app', BYTES);
    await given([{ endpoint: 'blob', do: 'redirect', to: `${other.url}{path}` }], {
      auth: { scheme: 'basic', users: { me: 'secret' } },
    });
    const client = stack.use(testClient({ config: loggedIn(registry.host, 'me', 'secret') }).client);
    repository = client.repository({ registry: registry.host, repository: 'app' });
    await fetched();
    expect(other.log.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(other.violations).toEqual([]);
    expect(registry.requests({ endpoint: 'blob' }).at(-1)?.headers.authorization).toMatch(/^Basic /);
  });

  test('that is cut off elsewhere asks the registry where to go on', async () => {
    const other = stack.use(
      await TestRegistry.start({ faults: [{ endpoint: 'blob', do: 'cut', atByte: 100_000 }] }),
    );
    await other.storage.addBlob('app', BYTES);
    await given([{ endpoint: 'blob', do: 'redirect', to: `${other.url}{path}`, times: 2 }]);
    await fetched();
    expect(other.log.map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=100000-']);
  });

  test('that is sent round in circles ends with an error', async () => {
    await given([]);
    const to = `${registry.url}/v2/app/blobs/${BLOB.digest}`;
    registry.faults.add({ endpoint: 'blob', do: 'redirect', to, times: 1000 });
    await expect(repository.fetchBlobTo(BLOB, file)).rejects.toMatchObject({ code: 'REGISTRY_FAILED' });
    expect(registry.log.length).toBeLessThan(100);
    await expectNothingWrong();
  });

  test.for<{ name: string; fault: Fault }>([
    { name: 'nothing', fault: { do: 'stall' } },
    { name: 'headers and no more', fault: { do: 'stall-body', atByte: 0 } },
    { name: 'a byte now and then', fault: { do: 'drip', atByte: 150_000 } },
    { name: 'half of the body', fault: { do: 'stall-body', atByte: 150_000 } },
  ])('is asked for again when $name comes for long', async ({ fault }) => {
    await given([{ endpoint: 'blob', ...fault }], {}, { timeouts: { idle: 200, answer: 200 } });
    await fetched();
    expect(kit.waited.length).toBeGreaterThan(0);
  });
});

describe('errors that pass', () => {
  const PUSHES: readonly Fault[] = [
    { method: 'HEAD', endpoint: 'blob', do: 'drop' },
    { method: 'POST', do: 'drop' },
    { method: 'PATCH', do: 'drop' },
    { method: 'PUT', endpoint: 'upload', do: 'drop' },
    { method: 'PUT', endpoint: 'manifest', do: 'drop' },
    { method: 'HEAD', endpoint: 'manifest', do: 'drop' },
    { method: 'GET', endpoint: 'manifest', do: 'drop' },
    { method: 'GET', endpoint: 'blob', do: 'drop' },
    { method: 'GET', endpoint: 'tags', do: 'drop' },
  ];
  const KINDS: readonly { readonly name: string; readonly mischief: Partial<Fault> & Pick<Fault, 'do'> }[] = [
    ...[429, 500, 502, 503, 504].map((status) => ({
      name: `status ${status}`,
      mischief: { do: 'status', status, times: 3 } as const,
    })),
    { name: 'connections that drop', mischief: { do: 'drop', times: 3 } },
    { name: 'answers that are lost', mischief: { do: 'silence' } },
  ];

  test.for(KINDS)('of every request: $name', async ({ mischief }) => {
    await given(PUSHES.map((where) => ({ ...where, ...mischief }) as Fault));
    const fresh = randomBytes(2_000_000);
    const blob = { digest: sha256(fresh), size: fresh.length };
    await repository.pushBlob(blob, (offset) => pieces(fresh.subarray(offset)));
    const streamed = randomBytes(40_000);
    await repository.pushStream(() => pieces(streamed));
    await repository.putManifest({ bytes: MANIFEST, mediaType: MEDIA.ociIndex }, 'new');
    expect((await repository.resolve('new')).digest).toBe(MANIFEST_DIGEST);
    expect(MANIFEST.equals((await repository.getManifest('new')).bytes)).toBe(true);
    expect(await repository.listTags()).toEqual(['1', 'new']);
    await repository.fetchBlobTo(BLOB, file);
    expect(await repository.hasBlob(blob.digest)).toBe(true);
    expect(await repository.hasBlob(sha256(streamed))).toBe(true);
    expect(registry.faults.unused).toEqual([]);
    expect(registry.violations).toEqual([]);
    expect(kit.waited.length).toBeGreaterThan(0);
  });

  test.for([
    { name: 'seconds', retryAfter: 40, leastMs: 40_000 },
    { name: 'a date', retryAfter: 'Tue, 01 Jan 2030 00:01:30 GMT', leastMs: 90_000 },
  ])('are waited for as long as the registry asks, in $name', async ({ retryAfter, leastMs }) => {
    await given([{ endpoint: 'manifest', do: 'status', status: 429, retryAfter }]);
    await repository.resolve('1');
    expect(kit.waited).toHaveLength(1);
    expect(kit.waited[0]).toBeGreaterThanOrEqual(leastMs);
    expect(kit.events).toEqual([
      {
        type: 'wait',
        host: registry.host,
        what: expect.stringMatching(/^HEAD \/v2\/app\/manifests\/1$/) as string,
        reason: expect.stringContaining('429') as string,
        delayMs: kit.waited[0],
      },
    ]);
  });

  test.for([429, 503])('are given up in the end: %i for good', async (status) => {
    await given(
      [{ endpoint: 'manifest', do: 'status', status, times: Number.POSITIVE_INFINITY }],
      {},
      {
        patienceMs: 60_000,
      },
    );
    await expect(repository.getManifest('1')).rejects.toMatchObject({
      code: status === 429 ? 'REGISTRY_RATE_LIMITED' : 'REGISTRY_FAILED',
      status,
      reported: [{ code: status === 429 ? 'TOOMANYREQUESTS' : 'UNAVAILABLE', message: `planned ${status}` }],
    });
    expect(kit.waited.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(60_000);
    expect(kit.waited.length).toBeGreaterThan(3);
  });

  test('are told from those that do not', async () => {
    await given([{ endpoint: 'manifest', do: 'status', status: 400 }]);
    await expect(repository.resolve('1')).rejects.toMatchObject({ code: 'REGISTRY_FAILED', status: 400 });
    expect(kit.waited).toEqual([]);
  });
});

describe('a push', () => {
  const fresh = randomBytes(2_000_000);
  /** More than is kept in memory. */
  const large = Buffer.concat(Array.from({ length: 20 }, () => fresh));
  const blob = { digest: sha256(fresh), size: fresh.length };
  const open = (offset: number): AsyncIterable<Uint8Array> => pieces(fresh.subarray(offset));
  const patches = (): readonly number[] =>
    registry.requests({ method: 'PATCH' }).map(({ bytesIn }) => bytesIn);
  const ALL_WELL = { stored: true, unused: [], violations: [], uploads: 0 };
  const stored = async (): Promise<object> => ({
    stored: await repository.hasBlob(blob.digest),
    unused: registry.faults.unused,
    violations: registry.violations,
    uploads: registry.storage.uploads.size,
  });

  test('whose connection drops in a PATCH goes on at the offset of the registry', async () => {
    await given([{ method: 'PATCH', do: 'drop', afterBytes: 100_000 }]);
    expect(await repository.pushBlob(blob, open)).toBe('uploaded');
    expect(await stored()).toEqual(ALL_WELL);
    expect(kit.events).toContainEqual({ type: 'resumed', digest: blob.digest, offset: 100_000 });
    // The rest, and what was on its way when the connection dropped.
    expect(patches().at(-1)).toBe(1_900_000);
  });

  test('that is being made while its connection drops comes out right', async () => {
    await given([{ method: 'PATCH', do: 'drop', afterBytes: 100_000 }]);
    const pushed = await repository.pushStream(() => pieces(large));
    expect(pushed).toEqual({ digest: sha256(large), size: large.length });
    expect(await repository.hasBlob(pushed.digest)).toBe(true);
    expect(registry.faults.unused).toEqual([]);
    expect(patches().reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(1.5 * large.length);
  });

  test('whose PATCH arrived, but not the answer, is not sent again', async () => {
    await given([{ method: 'PATCH', do: 'silence' }]);
    await repository.pushBlob(blob, open);
    expect(await stored()).toEqual(ALL_WELL);
    expect(patches().reduce((sum, bytes) => sum + bytes, 0)).toBe(blob.size);
  });

  test('whose PUT arrived, but not the answer, is found to be there', async () => {
    await given([{ method: 'PUT', endpoint: 'upload', do: 'silence' }]);
    await repository.pushBlob(blob, open);
    expect(await stored()).toEqual(ALL_WELL);
  });

  test('to a registry that forgot the upload starts again', async () => {
    await given([{ method: 'PATCH', do: 'status', status: 404 }]);
    await repository.pushBlob(blob, open);
    expect(await repository.hasBlob(blob.digest)).toBe(true);
  });

  test('to a registry that takes no chunks is one PUT', async () => {
    await given([], { chunks: false });
    await repository.pushBlob(blob, open);
    const pushed = await repository.pushStream(() => pieces(large));
    expect(await repository.hasBlob(blob.digest)).toBe(true);
    expect(await repository.hasBlob(pushed.digest)).toBe(true);
    expect(registry.violations).toEqual([]);
    expect(registry.requests({ method: 'PUT' }).map(({ bytesIn }) => bytesIn)).toEqual([
      fresh.length,
      large.length,
    ]);
    expect(registry.requests({ method: 'DELETE' })).toMatchObject([{ status: 204 }]);
    expect(registry.storage.uploads.size).toBe(0);
  });

  test('as a stream to a registry that takes no chunks leaves no upload open', async () => {
    await given([], { chunks: false });
    await repository.pushStream(() => pieces(large));
    expect(registry.requests({ method: 'DELETE' })).toMatchObject([{ status: 204 }]);
    expect(registry.storage.uploads.size).toBe(0);
  });

  test('of a source that is not what it should be leaves no blob', async () => {
    await given([]);
    const wrong = { digest: sha256('else'), size: fresh.length };
    await expect(repository.pushBlob(wrong, open)).rejects.toMatchObject({ status: 400 });
    expect(await repository.hasBlob(wrong.digest)).toBe(false);
    expect(registry.storage.repository('app').blobs.size).toBe(1);
  });

  test('of a source that breaks ends with the reason of the source', async () => {
    await given([]);
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield fresh.subarray(0, 1000);
      await Promise.resolve();
      throw new Error('the disk is gone');
    };
    await expect(repository.pushBlob(blob, broken)).rejects.toThrow('the disk is gone');
    await expect(repository.pushStream(broken)).rejects.toThrow('the disk is gone');
    expect(registry.storage.uploads.size).toBe(0);
    expect(registry.storage.repository('app').blobs.size).toBe(1);
  });
});

describe('tokens', () => {
  test('that expire are renewed in the middle', async () => {
    const tokens = stack.use(await TokenServer.start({ users: { me: 'secret' }, uses: 2 }));
    await given([{ endpoint: 'blob', method: 'GET', do: 'cut', atByte: 50_000, times: 4 }], {
      auth: tokens.authentication,
    });
    const client = stack.use(testClient({ config: loggedIn(registry.host, 'me', 'secret') }).client);
    repository = client.repository({ registry: registry.host, repository: 'app' });
    await fetched();
    const fresh = randomBytes(100_000);
    await repository.pushStream(() => pieces(fresh));
    await repository.putManifest({ bytes: MANIFEST, mediaType: MEDIA.ociIndex }, 'new');
    expect(tokens.log.length).toBeGreaterThan(3);
    expect(registry.violations).toEqual([]);
  });
});

describe('manifests', () => {
  test.for<{ name: string; fault: Fault }>([
    { name: 'damaged', fault: { do: 'corrupt', atByte: 3 } },
    { name: 'too long', fault: { do: 'resize', by: 10 } },
    { name: 'endless', fault: { do: 'endless' } },
  ])('that are $name are not taken', async ({ fault }) => {
    await given([{ endpoint: 'manifest', method: 'GET', times: 100, ...fault }]);
    await expect(repository.getManifest(MANIFEST_DIGEST)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:DIGEST_MISMATCH|REGISTRY_FAILED)$/) as string,
    });
    for (const { bytesOut } of registry.log) expect(bytesOut).toBeLessThan(20_000_000);
  });

  test('that are not what the header says are not taken', async () => {
    await given([{ endpoint: 'manifest', method: 'GET', do: 'digest-header', times: 100 }]);
    await expect(repository.getManifest('1')).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:DIGEST_MISMATCH|REGISTRY_FAILED)$/) as string,
    });
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Fault } from '../../test/support/registry/types.ts';
import { openTestClient } from './test-client.ts';
import { blob, bytes, get, inRepository, startRegistry } from './test-registry.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lapidary-pull-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('openBlob', () => {
  test.for<{ readonly name: string; readonly faults: readonly Fault[]; readonly ranges?: boolean }>([
    {
      name: 'cut off, and again',
      faults: [
        { ...get, do: 'cut', atByte: 70_000 },
        { ...get, do: 'cut', atByte: 100_000 },
      ],
    },
    {
      name: 'cut off by a registry without ranges',
      faults: [{ ...get, do: 'cut', atByte: 70_000 }],
      ranges: false,
    },
    {
      name: 'an error of the server, three times',
      faults: [{ ...get, do: 'status', status: 503, times: 3 }],
    },
    { name: 'a connection that drops', faults: [{ ...get, do: 'drop' }] },
  ])('goes on after: $name', async ({ faults, ranges = true }) => {
    await using registry = await startRegistry({ faults, ranges });
    await using opened = openTestClient();
    const read = await buffer(opened.client.repository(inRepository(registry)).openBlob(blob));
    expect(read.equals(bytes)).toBe(true);
    expect([registry.violations, registry.faults.unused]).toEqual([[], []]);
  });

  test('a transfer that broke asks for the rest only', async () => {
    await using registry = await startRegistry({ faults: [{ ...get, do: 'cut', atByte: 70_000 }] });
    await using opened = openTestClient();
    await buffer(opened.client.repository(inRepository(registry)).openBlob(blob));
    expect(registry.requests(get).map(({ headers }) => headers.range)).toEqual([undefined, 'bytes=70000-']);
  });

  test.for<{ readonly name: string; readonly fault: Fault }>([
    { name: 'another byte', fault: { ...get, do: 'corrupt', atByte: 5 } },
    { name: 'more bytes', fault: { ...get, do: 'resize', by: 5 } },
    { name: 'fewer bytes', fault: { ...get, do: 'resize', by: -5 } },
    { name: 'bytes without end', fault: { ...get, do: 'endless' } },
  ])('refuses $name', async ({ fault }) => {
    await using registry = await startRegistry({ faults: [fault] });
    await using opened = openTestClient();
    const read = buffer(opened.client.repository(inRepository(registry)).openBlob(blob));
    await expect(read).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(opened.slept).toEqual([]);
  });

  test('a body that stalls is given up and gone on with', async () => {
    await using registry = await startRegistry({ faults: [{ ...get, do: 'stall-body', atByte: 1000 }] });
    await using opened = openTestClient({}, { timeouts: { idle: 100 } });
    const read = await buffer(opened.client.repository(inRepository(registry)).openBlob(blob));
    expect(read.equals(bytes)).toBe(true);
    expect(opened.events).toContainEqual(
      expect.objectContaining({ type: 'wait', reason: 'the transfer stalled' }),
    );
  });

  test('a registry that never answers is given up in the end', async () => {
    await using registry = await startRegistry({
      faults: [{ ...get, do: 'stall', times: Number.POSITIVE_INFINITY }],
    });
    await using opened = openTestClient({}, { timeouts: { answer: 100 }, patienceMs: 3000 });
    const read = buffer(opened.client.repository(inRepository(registry)).openBlob(blob));
    await expect(read).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(opened.slept).toEqual(expect.arrayContaining([500, 1000]));
    expect(opened.slept).not.toContain(4000);
  });

  test('stops at once when it is aborted', async () => {
    await using registry = await startRegistry({ faults: [{ ...get, do: 'stall-body', atByte: 1000 }] });
    await using opened = openTestClient();
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error('enough');
    const read = async (): Promise<void> => {
      for await (const _ of opened.client.repository(inRepository(registry)).openBlob(blob, { signal }))
        controller.abort(reason);
    };
    await expect(read()).rejects.toBe(reason);
  });
});

describe('fetchBlobTo', () => {
  test('goes on from what an earlier process left', async () => {
    await using registry = await startRegistry();
    await using opened = openTestClient();
    const file = join(dir, 'left');
    await writeFile(file, bytes.subarray(0, 123_456));
    await opened.client.repository(inRepository(registry)).fetchBlobTo(blob, file);
    expect((await readFile(file)).equals(bytes)).toBe(true);
    expect(registry.requests(get).map(({ headers }) => headers.range)).toEqual(['bytes=123456-']);
  });

  test('keeps what it has when it must give up, and needs nothing when all is there', async () => {
    await using registry = await startRegistry({
      faults: [
        { ...get, do: 'cut', atByte: 70_000 },
        { ...get, do: 'status', status: 503, times: 6 },
      ],
    });
    await using opened = openTestClient({}, { patienceMs: 5000 });
    const repository = opened.client.repository(inRepository(registry));
    const file = join(dir, 'given-up');
    await expect(repository.fetchBlobTo(blob, file)).rejects.toMatchObject({
      code: 'REGISTRY_FAILED',
      status: 503,
    });
    expect((await readFile(file)).equals(bytes.subarray(0, 70_000))).toBe(true);
    registry.faults.add();
    await repository.fetchBlobTo(blob, file).catch(() => undefined);
    await repository.fetchBlobTo(blob, file);
    const { length } = registry.requests(get);
    await repository.fetchBlobTo(blob, file);
    expect(registry.requests(get)).toHaveLength(length);
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });

  test.for<{ readonly name: string; readonly before: Uint8Array; readonly faults: readonly Fault[] }>([
    { name: 'left is damaged', before: Buffer.alloc(1000, 1), faults: [] },
    { name: 'left is too long', before: Buffer.alloc(400_000, 1), faults: [] },
    { name: 'comes is damaged', before: new Uint8Array(), faults: [{ ...get, do: 'corrupt', atByte: 9 }] },
  ])('fetches again once when what $name', async ({ before, faults }) => {
    await using registry = await startRegistry({ faults });
    await using opened = openTestClient();
    const file = join(dir, 'damaged');
    await writeFile(file, before);
    await opened.client.repository(inRepository(registry)).fetchBlobTo(blob, file);
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });

  test('nothing stays behind of what is damaged twice', async () => {
    await using registry = await startRegistry({ faults: [{ ...get, do: 'corrupt', atByte: 9, times: 2 }] });
    await using opened = openTestClient();
    const file = join(dir, 'twice');
    const fetched = opened.client.repository(inRepository(registry)).fetchBlobTo(blob, file);
    await expect(fetched).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

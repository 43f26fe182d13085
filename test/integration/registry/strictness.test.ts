import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MEDIA, sha256 } from '../../../src/oci/index.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import type { Mischief } from '../../support/registry/types.ts';

let registry: TestRegistry;
beforeEach(async () => {
  registry = await TestRegistry.start();
});
afterEach(() => registry[Symbol.asyncDispose]());

const OCTETS = { 'Content-Type': 'application/octet-stream' };
const BLOB = Buffer.from('contents of a blob');
const DIGEST = sha256(BLOB);
const ask = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(path.startsWith('http') ? path : `${registry.url}/v2/app/${path}`, init);
const upload = async (): Promise<string> =>
  (await ask('blobs/uploads/', { method: 'POST' })).headers.get('location') ?? '';
const patch = (url: string, range?: string): Promise<Response> =>
  ask(url, { method: 'PATCH', headers: { ...OCTETS, ...(range && { 'Content-Range': range }) }, body: BLOB });
const manifest = (document: object, headers: Record<string, string> = {}, name = '1'): Promise<Response> =>
  ask(`manifests/${name}`, {
    method: 'PUT',
    headers: { 'Content-Type': MEDIA.ociManifest, ...headers },
    body: JSON.stringify({ schemaVersion: 2, ...document }),
  });
const last = `0-${BLOB.length - 1}`;

describe('refuses, and remembers,', () => {
  test.for([
    { name: 'an unknown endpoint', act: () => ask('blobs'), status: 404 },
    { name: 'a made-up state of an upload', act: async () => patch(`${await upload()}0`), status: 400 },
    { name: 'a chunk with a unit', act: async () => patch(await upload(), `bytes ${last}`), status: 400 },
    { name: 'a chunk of another length', act: async () => patch(await upload(), '0-3'), status: 400 },
    {
      name: 'a blob as something else than octets',
      act: async () => ask(await upload(), { method: 'PATCH', body: 'text' }),
      status: 415,
    },
    {
      name: 'an upload that ends without a digest',
      act: async () => ask(await upload(), { method: 'PUT' }),
      status: 400,
    },
    {
      name: 'a location used twice',
      act: async () => {
        const url = await upload();
        await patch(url, last);
        return patch(url, `${BLOB.length}-${2 * BLOB.length - 1}`);
      },
      status: 400,
    },
    {
      name: 'a manifest before its blobs',
      act: () => manifest({ layers: [{ mediaType: MEDIA.ociLayer, digest: DIGEST, size: BLOB.length }] }),
      status: 400,
    },
    {
      name: 'a manifest that has the size of a blob wrong',
      act: async () => {
        await registry.storage.addBlob('app', BLOB);
        return manifest({ layers: [{ mediaType: MEDIA.ociLayer, digest: DIGEST, size: 1 }] });
      },
      status: 400,
    },
    {
      name: 'an index before its manifests',
      act: () => manifest({ manifests: [{ mediaType: MEDIA.ociManifest, digest: DIGEST, size: 1 }] }),
      status: 400,
    },
    {
      name: 'a manifest that calls itself something else',
      act: () => manifest({ mediaType: MEDIA.dockerManifest }),
      status: 400,
    },
    { name: 'a manifest with the digest of another', act: () => manifest({}, {}, DIGEST), status: 400 },
    {
      name: 'a request for a manifest that accepts none of its kind',
      act: async () => {
        await manifest({});
        return ask('manifests/1', { headers: { Accept: MEDIA.ociIndex } });
      },
      status: 404,
    },
    {
      name: 'credentials that nobody has asked for',
      act: () => ask('manifests/1', { headers: { Authorization: 'Basic Og==' } }),
      status: 400,
    },
    { name: 'a range in lines', act: () => rangeOf('lines=1-2'), status: 400 },
  ])('$name', async ({ act, status }) => {
    expect((await act()).status).toBe(status);
    expect(registry.violations).toHaveLength(1);
  });

  const rangeOf = async (range: string): Promise<Response> => {
    await registry.storage.addBlob('app', BLOB);
    return ask(`blobs/${DIGEST}`, { headers: { Range: range } });
  };
  test('a chunk elsewhere is answered with where the upload is, which is no violation', async () => {
    const answer = await patch(await upload(), `5-${4 + BLOB.length}`);
    expect([answer.status, answer.headers.get('range')]).toEqual([416, '0-0']);
    expect(registry.violations).toEqual([]);
  });

  test('a range gives a part, and one behind the end says how long the blob is', async () => {
    const part = await rangeOf('bytes=3-6');
    expect([part.status, await part.text()]).toEqual([206, 'tent']);
    expect(part.headers.get('content-range')).toBe(`bytes 3-6/${BLOB.length}`);
    expect((await rangeOf(`bytes=${BLOB.length}-`)).headers.get('content-range')).toBe(
      `bytes */${BLOB.length}`,
    );
  });
});

describe('misbehaves by', () => {
  /** What a client of a blob gets: the status and the body as far as it came. */
  async function taste(mischief: Mischief): Promise<{ status?: number; body: string; broken: boolean }> {
    await registry.storage.addBlob('app', BLOB);
    registry.faults.add({ endpoint: 'blob', ...mischief });
    let [status, body] = [0, ''];
    try {
      const answer = await ask(`blobs/${DIGEST}`, { redirect: 'manual' });
      status = answer.status;
      for await (const chunk of answer.body ?? []) body += Buffer.from(chunk as Uint8Array).toString();
      return { status, body, broken: false };
    } catch {
      return { status, body, broken: true };
    }
  }

  test.for<{ plan: Mischief; status: number; body: string; broken: boolean }>([
    { plan: { do: 'cut', atByte: 8 }, status: 200, body: 'contents', broken: true },
    { plan: { do: 'corrupt', atByte: 1 }, status: 200, body: 'cnntents of a blob', broken: false },
    { plan: { do: 'resize', by: 2 }, status: 200, body: 'contents of a blobxx', broken: false },
    { plan: { do: 'resize', by: -2 }, status: 200, body: 'contents of a bl', broken: false },
    { plan: { do: 'drop' }, status: 0, body: '', broken: true },
    { plan: { do: 'silence' }, status: 0, body: '', broken: true },
    { plan: { do: 'redirect', to: 'http://other{path}' }, status: 307, body: '', broken: false },
  ])('$plan.do', async ({ plan, ...want }) => {
    expect(await taste(plan)).toEqual(want);
    expect(registry.faults.unused).toEqual([]);
    expect(await (await ask(`blobs/${DIGEST}`)).text()).toBe('contents of a blob');
  });

  test('an error, as often as planned, after as many requests as planned', async () => {
    await registry.storage.addBlob('app', BLOB);
    registry.faults.add({ endpoint: 'blob', do: 'status', status: 429, retryAfter: 7, after: 1, times: 2 });
    const answers = await Promise.all([1, 2, 3, 4].map(() => ask(`blobs/${DIGEST}`)));
    expect(answers.map(({ status }) => status).filter((status) => status === 429)).toHaveLength(2);
    expect(answers.find(({ status }) => status === 429)?.headers.get('retry-after')).toBe('7');
  });

  test('leaving in the middle of an upload, with what it has got so far kept', async () => {
    const url = await upload();
    registry.faults.add({ method: 'PATCH', do: 'drop', afterBytes: 8 });
    await expect(patch(url, last)).rejects.toThrow('fetch failed');
    expect((await ask(url)).headers.get('range')).toBe('0-7');
  });
});

import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { TestRegistry } from '../../test/support/registry/test-registry.ts';
import { TokenServer } from '../../test/support/registry/token-server.ts';
import type { Fault } from '../../test/support/registry/types.ts';
import { MEDIA, sha256 } from '../oci/index.ts';
import type { RegistryRule } from './config.ts';
import { blobOf, loggedIn, openTestClient, sourceOf } from './test-client.ts';
import { blob, bytes, get, inRepository, manifest, startRegistry } from './test-registry.ts';

describe('manifests', () => {
  test('resolve asks with HEAD, getManifest keeps the bytes', async () => {
    await using registry = await startRegistry();
    await using opened = openTestClient();
    const repository = opened.client.repository(inRepository(registry));
    const want = { digest: sha256(manifest), size: manifest.length, mediaType: MEDIA.ociManifest };
    expect(await repository.resolve('1')).toEqual(want);
    expect(registry.requests({ endpoint: 'manifest' }).map(({ method }) => method)).toEqual(['HEAD']);
    const got = await repository.getManifest('1');
    expect(got.descriptor).toEqual(want);
    expect(Buffer.from(got.bytes).equals(manifest)).toBe(true);
  });

  test.for<{ readonly name: string; readonly fault: Fault; readonly code: string }>([
    { name: 'another digest in the header', fault: { do: 'digest-header' }, code: 'DIGEST_MISMATCH' },
    { name: 'another byte', fault: { do: 'corrupt', atByte: 40 }, code: 'DIGEST_MISMATCH' },
    { name: 'no end', fault: { do: 'endless' }, code: 'REGISTRY_FAILED' },
    {
      name: 'redirects in a circle',
      fault: { do: 'redirect', to: '{path}', times: 99 },
      code: 'REGISTRY_FAILED',
    },
  ])('$name is refused', async ({ fault, code }) => {
    await using registry = await startRegistry({
      faults: [{ endpoint: 'manifest', method: 'GET', ...fault }],
    });
    await using opened = openTestClient();
    const got = opened.client.repository(inRepository(registry)).getManifest('1');
    await expect(got).rejects.toMatchObject({ code });
  });

  test('what is not there says so, with the words of the registry', async () => {
    await using registry = await startRegistry();
    await using opened = openTestClient();
    const got = opened.client.repository(inRepository(registry)).getManifest('nope');
    await expect(got).rejects.toMatchObject({
      code: 'REGISTRY_NOT_FOUND',
      status: 404,
      message: `GET http://${registry.host}/v2/a/b/manifests/nope: not found (status 404)`,
      notes: ['the registry says MANIFEST_UNKNOWN: manifest unknown'],
    });
  });

  test('Retry-After is waited for', async () => {
    const faults = [{ endpoint: 'manifest', do: 'status', status: 429, retryAfter: 60 }] as const;
    await using registry = await startRegistry({ faults });
    await using opened = openTestClient();
    await opened.client.repository(inRepository(registry)).getManifest('1');
    expect(opened.slept[0]).toBeGreaterThanOrEqual(60_000);
    expect(opened.events[0]).toMatchObject({
      type: 'wait',
      host: registry.host,
      what: 'GET /v2/a/b/manifests/1',
      reason: 'status 429',
    });
  });

  test('a nearly used quota is told once', async () => {
    const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '7;w=21600' };
    await using registry = await startRegistry({ headers });
    await using opened = openTestClient();
    await opened.client.repository(inRepository(registry)).getManifest('1');
    await opened.client.repository(inRepository(registry)).getManifest('1');
    expect(opened.events).toEqual([{ type: 'quota', host: registry.host, remaining: 7, limit: 100 }]);
  });

  test('all pages of tags', async () => {
    await using registry = await startRegistry({ pageSize: 2 });
    await using opened = openTestClient();
    const repository = opened.client.repository(inRepository(registry));
    for (const tag of ['2', '3', 'x', 'y'])
      await repository.putManifest({ bytes: manifest, mediaType: MEDIA.ociManifest }, tag);
    expect(await repository.listTags()).toEqual(['1', '2', '3', 'x', 'y']);
  });

  test.for([true, false])('referrers, with a list of the registry: %s', async (referrers) => {
    await using registry = await startRegistry({ referrers });
    await using opened = openTestClient();
    const repository = opened.client.repository(inRepository(registry));
    const { descriptor: subject } = await repository.getManifest('1');
    const layers = [{ mediaType: 'text/plain', bytes: Buffer.from('signed') }];
    const first = await repository.pushReferrer({
      subject,
      artifactType: 'application/x-one',
      layers,
      annotations: { by: 'me' },
    });
    const second = await repository.pushReferrer({ subject, artifactType: 'application/x-two', layers: [] });
    const digests = (await repository.referrers(subject.digest)).map(({ digest }) => digest);
    expect(digests.toSorted()).toEqual([first.digest, second.digest].toSorted());
    expect(await repository.referrers(subject.digest, { artifactType: 'application/x-one' })).toEqual([
      first,
    ]);
    expect(await repository.referrers(sha256('other'))).toEqual([]);
    expect(registry.violations).toEqual([]);
  });
});

describe('authorisation', () => {
  test('credentials do not follow a redirect to another host', async () => {
    const auth = { scheme: 'basic', users: { me: 'secret' } } as const;
    await using storage = await startRegistry();
    await using registry = await startRegistry({
      auth,
      faults: [{ ...get, do: 'redirect', to: `${storage.url}{path}` }],
    });
    await using opened = openTestClient(loggedIn(registry.host, 'me', 'secret'));
    await buffer(opened.client.repository(inRepository(registry)).openBlob(blob));
    expect(storage.requests(get).map(({ headers }) => headers.authorization)).toEqual([undefined]);
    expect(storage.violations).toEqual([]);
  });

  test.for([
    { name: 'none', config: {}, hint: /run `lapidary login/ },
    { name: 'a wrong one', config: ['me', 'wrong'], hint: /not accepted/ },
  ])('$name where a password is needed', async ({ config, hint }) => {
    await using registry = await startRegistry({ auth: { scheme: 'basic', users: { me: 'secret' } } });
    const [user, password] = Array.isArray(config) ? (config as string[]) : [];
    await using opened = openTestClient(user ? loggedIn(registry.host, user, password ?? '') : {});
    const got = opened.client.repository(inRepository(registry)).getManifest('1');
    await expect(got).rejects.toMatchObject({
      code: 'REGISTRY_UNAUTHORIZED',
      hint: expect.stringMatching(hint),
    });
  });

  test('a token that ends in the middle is got anew', async () => {
    await using tokens = await TokenServer.start({ users: { me: 'secret' }, uses: 2 });
    await using registry = await startRegistry({ auth: tokens.authentication });
    await using opened = openTestClient(loggedIn(registry.host, 'me', 'secret'));
    const repository = opened.client.repository(inRepository(registry));
    for (let i = 0; i < 5; i++) await repository.getManifest('1');
    expect((await buffer(repository.openBlob(blob))).equals(bytes)).toBe(true);
    await repository.pushBlob(blobOf(manifest), sourceOf(manifest));
    expect(registry.violations).toEqual([]);
  });
});

describe('mirrors', () => {
  const rule = (prefix: string, mirrors: RegistryRule['mirrors'], blocked = false): RegistryRule => ({
    prefix,
    insecure: false,
    blocked,
    mirrors,
  });

  test('the first that has it, then the registry itself', async () => {
    await using empty = await TestRegistry.start();
    await using mirror = await startRegistry();
    await using registry = await startRegistry();
    const mirrors = ['127.0.0.1:1', empty.host, mirror.host].map((location) => ({
      location,
      insecure: false,
      pull: 'all' as const,
    }));
    await using opened = openTestClient({ rules: [rule(registry.host, mirrors)] });
    const repository = opened.client.repository(inRepository(registry));
    await repository.getManifest('1');
    await buffer(repository.openBlob(blob));
    expect([registry.log.length, mirror.requests(get).length]).toEqual([0, 1]);
    expect(opened.events.map((event) => event.type === 'mirror-skipped' && event.mirror)).toEqual([
      '127.0.0.1:1/a/b',
      `${empty.host}/a/b`,
      `${empty.host}/a/b`,
    ]);
  });

  test('one for digests only is not asked for tags', async () => {
    await using mirror = await startRegistry();
    await using registry = await startRegistry();
    const mirrors = [{ location: mirror.host, insecure: false, pull: 'digest-only' as const }];
    await using opened = openTestClient({ rules: [rule(registry.host, mirrors)] });
    const repository = opened.client.repository(inRepository(registry));
    const { descriptor } = await repository.getManifest('1');
    await repository.getManifest(descriptor.digest);
    const manifestsOf = (one: TestRegistry) => one.requests({ endpoint: 'manifest' }).length;
    expect([manifestsOf(mirror), manifestsOf(registry)]).toEqual([1, 1]);
  });

  test('a blocked registry is not talked to', async () => {
    await using opened = openTestClient({ rules: [rule('docker.io/library', [], true)] });
    const open = () => opened.client.repository({ registry: 'docker.io', repository: 'library/alpine' });
    expect(open).toThrow(expect.objectContaining({ code: 'REGISTRY_BLOCKED' }));
  });
});

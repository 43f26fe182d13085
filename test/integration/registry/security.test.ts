import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/oci/index.ts';
import { Workspace } from '../../support/cli.ts';
import { HttpServer } from '../../support/http-server.ts';
import { makeTar } from '../../support/make-tar.ts';
import { TestAuthority } from '../../support/registry/certificates.ts';
import { loggedIn, testClient } from '../../support/registry/client.ts';
import { putImage } from '../../support/registry/put-image.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import { TokenServer } from '../../support/registry/token-server.ts';

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
let work: Workspace;
let authority: TestAuthority;
const tars = [makeTar([{ path: 'x', data: 'x' }])];
beforeAll(async () => {
  work = stack.use(await Workspace.create());
  authority = stack.use(new TestAuthority());
});

describe('a registry that need not be trusted', () => {
  test('cannot make another host one by naming it as its token server', async () => {
    await using trusted = await TestRegistry.start({ tls: authority.issue('trusted') });
    await using insecure = await TestRegistry.start({
      tls: authority.issue('insecure'),
      auth: {
        scheme: 'bearer',
        realm: `${trusted.url}/token`,
        service: 'x',
        verify: () => undefined,
      },
    });
    const rule = { prefix: insecure.host, insecure: true, blocked: false, mirrors: [] };
    const base = loggedIn(trusted.host, 'user', 'secret');
    const { client } = testClient({ insecure: false, config: { ...base, rules: [rule] } });
    await using _ = client;
    const from = (registry: string) => client.repository({ registry, repository: 'app' }).resolve('1');
    await expect(from(insecure.host)).rejects.toMatchObject({ name: 'RegistryError' });
    expect(trusted.log.map(({ path }) => path.split('?', 1)[0])).toContain('/token');
    await expect(from(trusted.host)).rejects.toMatchObject({ code: 'REGISTRY_TLS' });
    expect(trusted.log.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  test('gets its tokens from a server that need not be trusted either', async () => {
    await using tokens = await TokenServer.start({ users: { mason: 'secret' } });
    await using registry = await TestRegistry.start({
      tls: authority.issue('both'),
      auth: tokens.authentication,
    });
    await putImage(registry.storage, 'app', { tars, tag: '1' });
    const rule = { prefix: registry.host, insecure: true, blocked: false, mirrors: [] };
    const base = loggedIn(registry.host, 'mason', 'secret');
    const { client } = testClient({ insecure: false, config: { ...base, rules: [rule] } });
    await using _ = client;
    const found = await client.repository({ registry: registry.host, repository: 'app' }).resolve('1');
    expect(found.digest).toBe(registry.storage.repository('app').tags.get('1'));
  });
});

describe('names', () => {
  test.for([
    ['out of the repositories', { registry: 'r.example', repository: '../../x' }],
    ['upper case', { registry: 'r.example', repository: 'App' }],
    ['a query', { registry: 'r.example', repository: 'app?x=' }],
    ['an encoded slash', { registry: 'r.example', repository: 'a%2f..%2fb' }],
    ['another host', { registry: 'good.example@evil.example', repository: 'app' }],
    ['a path in the host', { registry: 'r.example/x', repository: 'app' }],
    ['a host that is a directory', { registry: '..', repository: 'app' }],
    ['no host', { registry: '', repository: 'app' }],
  ] as const)('of a repository that leads elsewhere: %s', ([, named]) => {
    expect(() => testClient().client.repository(named)).toThrow(/is no (host|name)/);
  });

  test.for(['../blobs/x', 'a/b', 'a?b', '..', '', 'a b', 'sha256:x', 'a\r\nX: y'])(
    'of a tag or digest that is none: %j',
    async (target) => {
      await using registry = await TestRegistry.start();
      const { client } = testClient();
      await using _ = client;
      const repository = client.repository({ registry: registry.host, repository: 'app' });
      const document = { bytes: Buffer.from('{}'), mediaType: 'application/json' };
      for (const call of [
        () => repository.resolve(target),
        () => repository.getManifest(target),
        () => repository.putManifest(document, target),
        () => repository.deleteManifest(target),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: 'REFERENCE_INVALID' });
      }
      expect(registry.log).toEqual([]);
    },
  );

  test('of a host never lead out of the directories of certificates', async () => {
    // A client certificate beside the directories of hosts, which a host named .. would get
    const pair = authority.issue('client');
    await mkdir(work.path('certs.d'), { recursive: true });
    await writeFile(work.path('client.cert'), pair.cert);
    await writeFile(work.path('client.key'), pair.key);
    const { readCertificates } = await import('../../../src/registry/certificates.ts');
    expect(await readCertificates([work.path('certs.d')], '..')).toEqual({ ca: [] });
    expect(await readCertificates([join(work.dir, 'x', '..', 'certs.d')], '.')).toEqual({ ca: [] });
  });
});

describe('a redirect', () => {
  test('to another host takes no credentials along, whatever stands in it', async () => {
    await using elsewhere = await HttpServer.start((_, response) => response.end('x'));
    const content = Buffer.from('x');
    const blob = { mediaType: 'application/octet-stream', digest: sha256(content), size: 1 };
    await using registry = await TestRegistry.start({
      auth: { scheme: 'basic', users: { mason: 'secret' } },
      faults: [{ do: 'redirect', to: elsewhere.url('/blob?signature=y'), endpoint: 'blob' }],
    });
    const { client } = testClient({ config: loggedIn(registry.host, 'mason', 'secret') });
    await using _ = client;
    const repository = client.repository({ registry: registry.host, repository: 'app' });
    expect(Buffer.from(await repository.readBlob(blob))).toEqual(content);
    expect(elsewhere.requests.map(({ headers }) => [headers.authorization, headers.cookie])).toEqual([
      [undefined, undefined],
    ]);
  });
});

describe('an answer that nobody reads', () => {
  test('and that has no end is not read for ever', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    await using endless = await HttpServer.start((request, response) => {
      if (request.method !== 'PUT') return void response.end();
      response.writeHead(201);
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more).on('close', resolve);
      return more();
    });
    const { client } = testClient();
    await using _ = client;
    const repository = client.repository({ registry: endless.host, repository: 'app' });
    await repository.putManifest({ bytes: Buffer.from('{}'), mediaType: 'application/json' }, '1');
    await closed;
    expect(endless.requests.map(({ method }) => method)).toEqual(['GET', 'PUT']);
  });
});

describe('removing a manifest that belongs to another one', () => {
  test.for([true, false])('takes it from the list of those, kept by the registry: %j', async (referrers) => {
    await using registry = await TestRegistry.start({ referrers });
    const { manifest } = await putImage(registry.storage, 'app', { tars, tag: '1' });
    const { client } = testClient();
    await using _ = client;
    const repository = client.repository({ registry: registry.host, repository: 'app' });
    const push = (text: string) =>
      repository.pushReferrer({
        subject: manifest,
        artifactType: 'application/x-test',
        layers: [{ mediaType: 'text/plain', bytes: Buffer.from(text) }],
      });
    const [one, two] = [await push('one'), await push('two')];
    await repository.deleteManifest(one.digest);
    const left = await repository.referrers(manifest.digest);
    expect(left.map(({ digest }) => digest)).toEqual([two.digest]);
    expect(registry.violations).toEqual([]);
  });
});

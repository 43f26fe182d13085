import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAuthority } from '../../test/support/registry/certificates.ts';
import { TestRegistry } from '../../test/support/registry/test-registry.ts';
import type { RegistryRule } from './config.ts';
import { openTestClient } from './test-client.ts';

/** A proxy that leads every host to one port, and knows what it was asked for. */
class TestProxy implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async start(port: number, tunnels: boolean): Promise<TestProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TestProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on('connect', (head, socket) => {
      proxy.asked.push(`CONNECT ${head.url}`);
      if (!tunnels) return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      const target = connect(port, '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      target.on('error', () => socket.destroy());
      socket.on('error', () => target.destroy());
      return socket.pipe(target).pipe(socket);
    });
    server.on('request', (incoming, response) => {
      proxy.asked.push(`${incoming.method} ${incoming.url}`);
      const { pathname, search } = new URL(incoming.url ?? '');
      const { method, headers } = incoming;
      const outgoing = request(
        { port, host: '127.0.0.1', path: pathname + search, method, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(response);
        },
      );
      incoming.pipe(outgoing);
    });
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

let authority: TestAuthority;
let dir: string;
beforeAll(async () => {
  authority = new TestAuthority();
  dir = await mkdtemp(join(tmpdir(), 'lapidary-certs-'));
});
afterAll(async () => {
  authority[Symbol.dispose]();
  await rm(dir, { recursive: true, force: true });
});

const insecure = (prefix: string): RegistryRule => ({ prefix, insecure: true, blocked: false, mirrors: [] });
const portOf = ({ host }: TestRegistry): number => Number(host.split(':')[1]);

describe('TLS', () => {
  test('an unknown authority is refused, even on loopback, and never gone around', async () => {
    await using registry = await TestRegistry.start({ tls: authority.issue('server') });
    await using opened = openTestClient();
    const listed = opened.client.repository({ registry: registry.host, repository: 'a' }).listTags();
    await expect(listed).rejects.toMatchObject({
      code: 'REGISTRY_TLS',
      hint: expect.stringContaining('certs.d'),
    });
    expect(registry.log).toEqual([]);
  });

  test('certs.d: an authority and a client certificate', async () => {
    await using registry = await TestRegistry.start({
      tls: { ...authority.issue('server'), clientCa: authority.cert },
    });
    const { key, cert } = authority.issue('client');
    const path = join(dir, registry.host);
    await mkdir(path);
    await writeFile(join(path, 'ca.crt'), authority.cert);
    await using without = openTestClient();
    await expect(
      without.client.repository({ registry: registry.host, repository: 'a' }).checkPush(),
    ).rejects.toMatchObject({ code: 'REGISTRY_TLS' });
    const open = () => openTestClient({ certificateDirectories: [join(dir, 'absent'), dir] });
    const refusal = async (): Promise<unknown> => {
      await using opened = open();
      const { client } = opened;
      return await client
        .repository({ registry: registry.host, repository: 'a' })
        .checkPush()
        .catch((error: unknown) => error);
    };
    expect(await refusal()).toMatchObject({
      code: 'REGISTRY_TLS',
      hint: expect.stringContaining('client.cert'),
    });
    await writeFile(join(path, 'client.cert'), cert);
    expect(await refusal()).toMatchObject({
      code: 'REGISTRY_CONFIG',
      message: expect.stringContaining('client.key'),
    });
    await writeFile(join(path, 'client.key'), key);
    await using opened = open();
    await opened.client.repository({ registry: registry.host, repository: 'a' }).checkPush();
    expect(registry.violations).toEqual([]);
  });

  test('insecure = true asks for no authority', async () => {
    await using registry = await TestRegistry.start({ tls: authority.issue('server') });
    await using opened = openTestClient({ rules: [insecure(registry.host)] });
    await opened.client.repository({ registry: registry.host, repository: 'a' }).checkPush();
    expect(registry.requests({ method: 'POST' })).toHaveLength(1);
  });
});

describe('proxies', () => {
  test('TLS goes through a tunnel', async () => {
    await using registry = await TestRegistry.start({
      tls: authority.issue('server'),
      locations: 'relative',
    });
    await using proxy = await TestProxy.start(portOf(registry), true);
    await using opened = openTestClient({
      rules: [insecure('registry.example')],
      proxy: { HTTPS_PROXY: proxy.url },
    });
    await opened.client.repository({ registry: 'registry.example', repository: 'a' }).checkPush();
    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT registry.example:443']));
  });

  test('plain HTTP is asked of the proxy', async () => {
    await using registry = await TestRegistry.start({ locations: 'relative' });
    await using proxy = await TestProxy.start(portOf(registry), false);
    const proxies = { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url };
    await using opened = openTestClient({ rules: [insecure('registry.example:5000')], proxy: proxies });
    await opened.client.repository({ registry: 'registry.example:5000', repository: 'a' }).checkPush();
    expect(proxy.asked.slice(0, 3)).toEqual([
      'CONNECT registry.example:5000',
      'GET http://registry.example:5000/v2/',
      'POST http://registry.example:5000/v2/a/blobs/uploads/',
    ]);
  });

  test('a proxy that does not connect is named as the trouble', async () => {
    await using proxy = await TestProxy.start(1, false);
    await using opened = openTestClient({ proxy: { HTTPS_PROXY: proxy.url } }, { firstContactMs: 1000 });
    const listed = opened.client.repository({ registry: 'registry.example', repository: 'a' }).listTags();
    await expect(listed).rejects.toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      hint: expect.stringContaining('HTTPS_PROXY'),
    });
  });
});

test('nobody there: said soon, though there would be patience', async () => {
  await using opened = openTestClient();
  const listed = opened.client.repository({ registry: '127.0.0.1:1', repository: 'a' }).listTags();
  await expect(listed).rejects.toMatchObject({
    code: 'REGISTRY_UNREACHABLE',
    message: expect.stringContaining('connection refused'),
  });
  expect(opened.slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(10_000);
});

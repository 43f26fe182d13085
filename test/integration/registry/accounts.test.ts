import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { login, logout, type RegistryConfig, readRegistryConfig } from '../../../src/registry/index.ts';
import { TestAuthority } from '../../support/registry/certificates.ts';
import { testClient } from '../../support/registry/client.ts';
import { writeCredentialHelper } from '../../support/registry/credential-helper.ts';
import { ForwardProxy } from '../../support/registry/forward-proxy.ts';
import { REAL_USER, RealRegistry } from '../../support/registry/real-registry.ts';
import { seedImage } from '../../support/registry/seed.ts';
import { TestRegistry } from '../../support/registry/test-registry.ts';
import { TokenServer } from '../../support/registry/token-server.ts';
import type { RegistryOptions } from '../../support/registry/types.ts';

const { name: USER, password: PASSWORD } = REAL_USER;
const USERS = { [USER]: PASSWORD };
const AUTH = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');

let stack: AsyncDisposableStack;
/** The user's home, and the environment of the user's shell. */
let home: string;
let env: Record<string, string>;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  home = await mkdtemp(join(tmpdir(), 'lapidary-home-'));
  stack.defer(() => rm(home, { recursive: true }));
  env = { HOME: home, PATH: process.env['PATH'] ?? '' };
});
afterEach(() => stack.disposeAsync());

async function write(path: string, text: string): Promise<string> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  return file;
}
/** A registry that has `team/app:1`. */
async function registryOf(options: RegistryOptions = {}): Promise<TestRegistry> {
  const registry = stack.use(await TestRegistry.start(options));
  await seedImage(registry, 'team/app:1', { path: 'motd', data: 'hello' });
  return registry;
}
const machine = (): Promise<RegistryConfig> =>
  readRegistryConfig({ env, home, uid: 1000, etc: join(home, 'etc') });
/** What comes of asking for an image as this user: its kind of manifest, or the code of the error. */
async function ask(registry: string, { repository = 'team/app', insecure = false } = {}): Promise<string> {
  await using client = testClient({ config: await machine(), insecure }).client;
  try {
    return (await client.repository({ registry, repository }).getManifest('1')).descriptor.mediaType;
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}
const FOUND = 'application/vnd.oci.image.manifest.v1+json';
const logIn = async (server: string, password: string): Promise<string> => {
  try {
    return (await login({ config: await machine(), server, username: USER, password })).keptBy.kind;
  } catch (error) {
    return (error as { readonly code: string }).code;
  }
};
const dockerConfig = (): Promise<string> => readFile(join(home, '.docker/config.json'), 'utf8');

describe('login and logout', () => {
  test('with a password that docker-registry checks, kept for its owner only, and forgotten again', async () => {
    await using real = await RealRegistry.start({ auth: 'htpasswd' });
    expect(await logIn(real.host, 'wrong')).toBe('REGISTRY_UNAUTHORIZED');
    await expect(dockerConfig()).rejects.toThrow('ENOENT');
    expect(await ask(real.host)).toBe('REGISTRY_UNAUTHORIZED');
    expect(await logIn(real.host, PASSWORD)).toBe('file');
    expect(JSON.parse(await dockerConfig())).toEqual({ auths: { [real.host]: { auth: AUTH } } });
    expect((await stat(join(home, '.docker/config.json'))).mode & 0o777).toBe(0o600);
    // Nobody has pushed anything, but who asks is let in.
    expect(await ask(real.host)).toBe('REGISTRY_NOT_FOUND');
    expect(await logout(await machine(), real.host)).toBe(true);
    expect(await dockerConfig()).not.toContain(AUTH);
    expect(await ask(real.host)).toBe('REGISTRY_UNAUTHORIZED');
  });

  test.for([true, false])('where tokens are given out, with OAuth 2: %s', async (oauth) => {
    const tokens = stack.use(await TokenServer.start({ users: USERS, oauth }));
    const { host, violations } = await registryOf({ auth: tokens.authentication });
    expect(await logIn(host, 'wrong')).toBe('REGISTRY_UNAUTHORIZED');
    expect(await logIn(host, PASSWORD)).toBe('file');
    expect(await ask(host)).toBe(FOUND);
    expect(violations).toEqual([]);
  });

  test('with a credential helper', async () => {
    const bin = await writeCredentialHelper(join(home, 'bin'), 'test');
    env['PATH'] = `${bin}:${env['PATH']}`;
    await write('.docker/config.json', JSON.stringify({ credsStore: 'test' }));
    const { host } = await registryOf({ auth: { scheme: 'basic', users: USERS } });
    expect(await logIn(host, PASSWORD)).toBe('helper');
    expect(await dockerConfig()).not.toContain(AUTH);
    expect(await ask(host)).toBe(FOUND);
    expect(await logout(await machine(), host)).toBe(true);
    expect(await ask(host)).toBe('REGISTRY_UNAUTHORIZED');
    const calls = (await readFile(join(bin, 'calls'), 'utf8')).trim().split('\n');
    expect(calls).toEqual(expect.arrayContaining([`store ${host}`, `get ${host}`, `erase ${host}`]));
  });

  test('for a part of a registry, in the file that a variable names', async () => {
    const { host } = await registryOf({ auth: { scheme: 'basic', users: USERS } });
    const auths = { [host]: { auth: 'd3Jvbmc6d3Jvbmc=' }, [`${host}/team`]: { auth: AUTH } };
    env['REGISTRY_AUTH_FILE'] = await write('auth.json', JSON.stringify({ auths }));
    expect(await ask(host)).toBe(FOUND);
  });
});

describe('registries.conf', () => {
  const configured = async (text: string): Promise<void> => {
    env['CONTAINERS_REGISTRIES_CONF'] = await write('registries.conf', text);
  };

  test('mirrors are asked first, in order, and passed over when they do not have it', async () => {
    const empty = stack.use(await TestRegistry.start());
    const [mirror, origin] = [await registryOf(), await registryOf()];
    const mirrors = [empty, mirror].map(
      ({ host }) => `[[registry.mirror]]\nlocation = "${host}"\ninsecure = true\n`,
    );
    const rule = `[[registry]]\nprefix = "registry.test"\nlocation = "${origin.host}"\ninsecure = true\n`;
    await configured(rule + mirrors.join(''));
    expect(await ask('registry.test')).toBe(FOUND);
    expect(empty.requests({ endpoint: 'manifest' })).toHaveLength(1);
    expect(mirror.requests({ endpoint: 'manifest' })).toHaveLength(1);
    expect(origin.log).toEqual([]);
  });

  test('what is blocked is not asked', async () => {
    const { host, log } = await registryOf();
    await configured(`[[registry]]\nlocation = "${host}"\nblocked = true\n`);
    expect(await ask(host)).toBe('REGISTRY_BLOCKED');
    expect(log).toEqual([]);
  });

  test('a prefix stands for another place', async () => {
    const { host } = await registryOf();
    await configured(
      `[[registry]]\nprefix = "names.test/ours"\nlocation = "${host}/team"\ninsecure = true\n`,
    );
    expect(await ask('names.test', { repository: 'ours/app' })).toBe(FOUND);
  });
});

describe('certificates', () => {
  test('of an authority, and of a client, in certs.d of the user', async () => {
    using authority = new TestAuthority();
    const tls = { ...authority.issue('registry'), clientCa: authority.cert };
    const { host } = await registryOf({ tls });
    expect(await ask(host)).toBe('REGISTRY_TLS');
    const client = authority.issue('client');
    const certs = `.config/containers/certs.d/${host}`;
    await write(`${certs}/ca.crt`, authority.cert);
    await write(`${certs}/client.cert`, client.cert);
    await write(`${certs}/client.key`, client.key);
    expect(await ask(host)).toBe(FOUND);
  });
});

describe('proxies of the environment', () => {
  test('carry TLS and plain HTTP, with a password that the registry never sees', async () => {
    using authority = new TestAuthority();
    const [plain, secure] = [await registryOf(), await registryOf({ tls: authority.issue('registry') })];
    const names = { 'plain.test:80': plain.host, 'secure.test:443': secure.host };
    const proxy = stack.use(await ForwardProxy.start({ users: { carrier: 'pigeon' }, names }));
    const url = `http://carrier:pigeon@${proxy.host}`;
    Object.assign(env, { HTTP_PROXY: url, HTTPS_PROXY: url });
    expect(await ask('secure.test', { insecure: true })).toBe(FOUND);
    expect(proxy.log).toContainEqual({ what: 'CONNECT secure.test:443', status: 200 });
    expect(await ask('plain.test:80', { insecure: true })).toBe(FOUND);
    expect(proxy.log.some(({ what }) => what.includes('plain.test'))).toBe(true);
    const seen = [...plain.log, ...secure.log].flatMap(({ headers }) => Object.keys(headers));
    expect(seen).not.toContain('proxy-authorization');
  });

  test('are passed by where NO_PROXY says so', async () => {
    const { host } = await registryOf();
    const proxy = stack.use(await ForwardProxy.start());
    Object.assign(env, { HTTP_PROXY: `http://${proxy.host}`, NO_PROXY: '127.0.0.0/8' });
    expect(await ask(host, { insecure: true })).toBe(FOUND);
    expect(proxy.log).toEqual([]);
  });
});

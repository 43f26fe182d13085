import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TestRegistry } from '../../test/support/registry/test-registry.ts';
import { TokenServer } from '../../test/support/registry/token-server.ts';
import { login, logout } from './login.ts';
import { readRegistryConfig } from './read-config.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lapidary-login-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const machine = (env: Readonly<Record<string, string>> = {}) => ({
  env: { XDG_RUNTIME_DIR: join(home, 'run'), ...env },
  home,
  uid: 1000,
  etc: join(home, 'etc'),
});
const docker = (): string => join(home, '.docker/config.json');
const basic = { auth: { scheme: 'basic', users: { me: 'secret' } } } as const;

/** A credential helper that keeps what it is given in a file, and notes how it was called. */
async function installHelper(name: string): Promise<{ readonly PATH: string }> {
  const bin = join(home, 'bin');
  await mkdir(bin, { recursive: true });
  const kept = join(home, `${name}.kept`);
  const script = `#!/bin/sh
case "$1" in
  store) cat > '${kept}' ;;
  erase) rm -f '${kept}' ;;
  get) cat > /dev/null; if [ -e '${kept}' ]; then cat '${kept}'; else echo 'credentials not found in native keychain'; exit 1; fi ;;
esac
`;
  await writeFile(join(bin, `docker-credential-${name}`), script);
  await chmod(join(bin, `docker-credential-${name}`), 0o755);
  return { PATH: `${bin}:/usr/bin:/bin` };
}

describe('login', () => {
  test('keeps what the registry accepts, for its owner only, beside what was there', async () => {
    await using registry = await TestRegistry.start(basic);
    await mkdir(join(home, 'real'), { recursive: true });
    await mkdir(join(home, '.docker'));
    await writeFile(join(home, 'real/c.json'), '{"currentContext":"x","auths":{"other":{"auth":"YTpi"}}}');
    await symlink('../real/c.json', docker());
    const config = await readRegistryConfig(machine());
    const result = await login({
      config,
      server: `http://${registry.host}/v2/`,
      username: 'me',
      password: 'secret',
    });
    const keptBy = { kind: 'file', name: docker() };
    expect(result).toEqual({ server: registry.host, keptBy, secret: 'password' });
    expect(JSON.parse(await readFile(join(home, 'real/c.json'), 'utf8'))).toEqual({
      currentContext: 'x',
      auths: {
        other: { auth: 'YTpi' },
        [registry.host]: { auth: Buffer.from('me:secret').toString('base64') },
      },
    });
    expect((await stat(join(home, 'real/c.json'))).mode & 0o777).toBe(0o600);
    const after = await readRegistryConfig(machine());
    expect(await logout(after, registry.host)).toBe(true);
    expect(await logout(after, registry.host)).toBe(false);
    expect(await readFile(docker(), 'utf8')).not.toContain(registry.host);
  });

  test('keeps nothing that the registry refuses', async () => {
    await using registry = await TestRegistry.start(basic);
    const config = await readRegistryConfig(machine());
    const refused = login({ config, server: registry.host, username: 'me', password: 'wrong' });
    await expect(refused).rejects.toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    await expect(stat(docker())).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('keeps an identity token in place of the password where there is one', async () => {
    await using tokens = await TokenServer.start({ users: { me: 'secret' } });
    await using registry = await TestRegistry.start({ auth: tokens.authentication });
    const config = await readRegistryConfig(machine());
    await login({ config, server: registry.host, username: 'me', password: 'secret' });
    const kept = await readFile(docker(), 'utf8');
    expect(kept).toContain('identitytoken');
    expect(kept).not.toContain(Buffer.from('me:secret').toString('base64'));
    const again = await readRegistryConfig(machine());
    expect(again.credentialFiles[0]?.auths.get(registry.host)?.kind).toBe('identity-token');
  });

  test('leaves it to the helper that is configured', async () => {
    await using registry = await TestRegistry.start(basic);
    const env = await installHelper('test');
    await mkdir(join(home, '.docker'));
    await writeFile(docker(), JSON.stringify({ credHelpers: { [registry.host]: 'test' } }));
    const config = await readRegistryConfig(machine(env));
    const { keptBy } = await login({ config, server: registry.host, username: 'me', password: 'secret' });
    expect(keptBy).toEqual({ kind: 'helper', name: 'test' });
    expect(JSON.parse(await readFile(join(home, 'test.kept'), 'utf8'))).toEqual({
      ServerURL: registry.host,
      Username: 'me',
      Secret: 'secret',
    });
    expect(await logout(config, registry.host)).toBe(true);
    await expect(stat(join(home, 'test.kept'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await logout(config, registry.host)).toBe(false);
  });

  test.for(['', 'a b', 'https://', 'me@host', '../x'])('%j is no registry', async (server) => {
    const config = await readRegistryConfig(machine());
    await expect(login({ config, server, username: 'a', password: 'b' })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});

describe('readRegistryConfig', () => {
  const write = async (path: string, text: string): Promise<void> => {
    await mkdir(join(home, path, '..'), { recursive: true });
    await writeFile(join(home, path), text);
  };
  const auths = (...servers: readonly string[]): string =>
    JSON.stringify({
      auths: Object.fromEntries(servers.map((server) => [server, { registrytoken: server }])),
    });

  test('files of credentials in their order', async () => {
    await write('.docker/config.json', auths('docker'));
    await write('run/containers/auth.json', auths('runtime'));
    await write('.config/containers/auth.json', auths('own'));
    const env = { DOCKER_AUTH_CONFIG: auths('inline') };
    const names = async (more: Readonly<Record<string, string>>) =>
      (await readRegistryConfig(machine(more))).credentialFiles.flatMap((file) => [...file.auths.keys()]);
    expect(await names(env)).toEqual(['inline', 'docker', 'runtime', 'own']);
    await write('only.json', auths('only'));
    expect(await names({ ...env, REGISTRY_AUTH_FILE: join(home, 'only.json') })).toEqual(['only']);
    await write('elsewhere/config.json', auths('elsewhere'));
    expect(await names({ DOCKER_CONFIG: join(home, 'elsewhere') })).toEqual(['elsewhere', 'runtime', 'own']);
  });

  test("the user's rules in place of the machine's, and drop-ins of both", async () => {
    await write('etc/containers/registries.conf', '[[registry]]\nlocation = "system"');
    await write(
      'etc/containers/registries.conf.d/1.conf',
      '[[registry]]\nlocation = "drop-in"\nblocked = true',
    );
    const prefixes = async (env = {}) =>
      (await readRegistryConfig(machine(env))).rules.map(({ prefix }) => prefix);
    expect(await prefixes()).toEqual(['system', 'drop-in']);
    await write('.config/containers/registries.conf', '[[registry]]\nlocation = "user"');
    await write('.config/containers/registries.conf.d/2.conf', '[[registry]]\nlocation = "drop-in"');
    expect(await prefixes()).toEqual(['user', 'drop-in']);
    expect((await readRegistryConfig(machine())).rules.at(-1)?.blocked).toBe(false);
    await write('only.conf', '# nothing\n');
    expect(await prefixes({ CONTAINERS_REGISTRIES_CONF: join(home, 'only.conf') })).toEqual([]);
    const missing = prefixes({ CONTAINERS_REGISTRIES_CONF: join(home, 'missing.conf') });
    await expect(missing).rejects.toMatchObject({ code: 'REGISTRY_CONFIG' });
  });

  test('a machine that has none of it', async () => {
    const config = await readRegistryConfig(machine({ HTTPS_PROXY: 'http://p', PATH: '/bin' }));
    expect(config).toMatchObject({
      credentialFiles: [],
      rules: [],
      proxy: { HTTPS_PROXY: 'http://p' },
      loginFile: docker(),
    });
  });
});

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { CredentialFile, RegistryConfig, RegistryRule } from './config.ts';
import { parseCredentialFile } from './docker-config.ts';

export type MachineEnvironment = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home directory. */
  readonly home: string;
  readonly uid: number;
  /** In place of `/etc`. */
  readonly etc?: string;
};

const PROXY_NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]);
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * What the files and the environment of a machine and its user say about registries.
 *
 * - Credentials: `$REGISTRY_AUTH_FILE` alone if it is set; else `$DOCKER_AUTH_CONFIG` (a document, not a path),
 *   `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`, `auth.json` of containers in the runtime directory, then
 *   in `~/.config/containers`.
 * - Rules: `$CONTAINERS_REGISTRIES_CONF` alone if it is set; else `~/.config/containers/registries.conf`, or the one
 *   in `/etc/containers` where there is none, and the files of both `registries.conf.d` directories, by name.
 * - Certificates: `certs.d` in `~/.config/containers`, `/etc/containers`, `~/.config/docker` and `/etc/docker`.
 *
 * @throws LapidaryError REGISTRY_CONFIG when a file cannot be read or is malformed
 */
export async function readRegistryConfig(machine: MachineEnvironment): Promise<RegistryConfig> {
  const places = placesOf(machine);
  const [credentialFiles, rules] = await Promise.all([
    readCredentials(machine, places),
    readRules(machine, places),
  ]);
  const { env } = machine;
  return {
    credentialFiles,
    rules,
    certificateDirectories: places.certificates,
    proxy: Object.fromEntries(PROXY_NAMES.flatMap((name) => (env[name] ? [[name, env[name]]] : []))),
    helperEnvironment: Object.fromEntries(
      Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    loginFile: env['REGISTRY_AUTH_FILE'] || places.dockerConfig,
  };
}

type FilePlaces = ReturnType<typeof placesOf>;

function placesOf({ env, home, uid, etc = '/etc' }: MachineEnvironment) {
  const config = env['XDG_CONFIG_HOME'] || join(home, '.config');
  const runtime = env['XDG_RUNTIME_DIR'] || `/run/containers/${uid}`;
  const own = join(config, 'containers');
  const system = join(etc, 'containers');
  return {
    dockerConfig: join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
    auth: [join(runtime, 'containers/auth.json'), join(own, 'auth.json')],
    registries: [join(own, 'registries.conf'), join(system, 'registries.conf')],
    dropIns: [join(system, 'registries.conf.d'), join(own, 'registries.conf.d')],
    certificates: [
      join(own, 'certs.d'),
      join(system, 'certs.d'),
      join(config, 'docker/certs.d'),
      join(etc, 'docker/certs.d'),
    ],
  };
}

async function readCredentials(
  { env }: MachineEnvironment,
  { dockerConfig, auth }: FilePlaces,
): Promise<readonly CredentialFile[]> {
  const only = env['REGISTRY_AUTH_FILE'];
  const paths = only ? [only] : [dockerConfig, ...auth];
  const read = await Promise.all(paths.map(async (path) => ({ path, text: await readIfThere(path) })));
  const inline = env['DOCKER_AUTH_CONFIG'];
  const texts = only || !inline ? read : [{ path: '$DOCKER_AUTH_CONFIG', text: inline }, ...read];
  return texts.flatMap(({ path, text }) => (text === undefined ? [] : [parseCredentialFile(text, path)]));
}

async function readRules(
  { env }: MachineEnvironment,
  { registries, dropIns }: FilePlaces,
): Promise<readonly RegistryRule[]> {
  const only = env['CONTAINERS_REGISTRIES_CONF'];
  const files = only
    ? [{ path: only, text: await readRequired(only) }]
    : await confFiles(registries, dropIns);
  // Most files are comments only: what is not needed is not loaded
  const used = files.filter(({ text }) => /^\s*[^\s#]/m.test(text));
  if (used.length === 0) return [];
  const { mergeRules, parseRegistriesConf } = await import('./registries-conf.ts');
  return mergeRules(used.map(({ path, text }) => parseRegistriesConf(text, path)));
}

type ConfFile = { readonly path: string; readonly text: string };

async function confFiles(
  registries: readonly string[],
  dropIns: readonly string[],
): Promise<readonly ConfFile[]> {
  const files: ConfFile[] = [];
  for (const path of registries) {
    const text = await readIfThere(path);
    if (text === undefined) continue;
    files.push({ path, text });
    break;
  }
  for (const directory of dropIns) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter((one) => one.endsWith('.conf')).sort()) {
      const path = join(directory, name);
      const text = await readIfThere(path);
      if (text !== undefined) files.push({ path, text });
    }
  }
  return files;
}

async function readRequired(path: string): Promise<string> {
  const text = await readIfThere(path);
  if (text !== undefined) return text;
  throw new LapidaryError(
    'REGISTRY_CONFIG',
    `there is no ${quoted(path)}, which CONTAINERS_REGISTRIES_CONF names`,
  );
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length <= MAX_BYTES) return text;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new LapidaryError('REGISTRY_CONFIG', `${quoted(path)} cannot be read (${code})`, {
      hint: 'make it readable for this user, or remove it',
      cause: error,
    });
  }
  throw new LapidaryError('REGISTRY_CONFIG', `${quoted(path)} is larger than 4 MiB`);
}

import { resolve } from 'node:path';
import type { LapidaryOptions, RegistryConfig } from '../build/index.ts';
import type { Invocation } from './command.ts';

/** The store's absolute path: `--store`, else `$LAPIDARY_STORE`, else the user's own. */
export async function storeRoot({ flags, io }: Pick<Invocation, 'flags' | 'io'>): Promise<string> {
  const named = flags.text('store') || io.env['LAPIDARY_STORE'];
  if (named) return resolve(io.cwd, named);
  const { defaultStoreRoot } = await import('../build/index.ts');
  return defaultStoreRoot(io.env, io.uid);
}

/** Where the programs that a build or a run needs are looked for. */
export function searchPath({ io }: Pick<Invocation, 'io'>): { readonly searchPath?: string } {
  const path = io.env['PATH'];
  return path === undefined ? {} : { searchPath: path };
}

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** Proxies for what this program itself fetches. */
export function proxyVariables({ io }: Pick<Invocation, 'io'>): Record<string, string> {
  const given = PROXY_VARIABLES.map((name): [string, string] => [name, io.env[name] ?? '']);
  return Object.fromEntries(given.filter(([, value]) => value !== ''));
}

/** The user's configuration of registries. */
export async function readConfig({ io }: Pick<Invocation, 'io'>): Promise<RegistryConfig> {
  const [{ readRegistryConfig }, { homedir }] = await Promise.all([
    import('../build/index.ts'),
    import('node:os'),
  ]);
  return readRegistryConfig({ env: io.env, home: io.env['HOME'] || homedir(), uid: io.uid });
}

/** The same, read once the first registry is needed. */
export function registries(call: Pick<Invocation, 'io'>): Pick<LapidaryOptions, 'registries'> {
  return { registries: () => readConfig(call) };
}

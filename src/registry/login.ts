import { LapidaryError, quoted } from '../errors/index.ts';
import { parseReference } from '../oci/index.ts';
import type { Credential, RegistryConfig } from './config.ts';
import { helperFor } from './credentials.ts';
import { editLoginFile } from './login-file.ts';
import { normaliseServer } from './names.ts';
import type { RegistryClientOptions } from './types.ts';
import { verifyCredential } from './verify-credential.ts';

export type LoginRequest = Omit<RegistryClientOptions, 'config'> & {
  readonly config: RegistryConfig;
  /** `quay.io`, `localhost:5000`; with a namespace the credential is for that alone: `quay.io/team`. */
  readonly server: string;
  readonly username: string;
  readonly password: string;
  readonly signal?: AbortSignal | undefined;
};

export type LoginResult = {
  /** In canonical form. */
  readonly server: string;
  /** The helper program or the file that holds the credential now. */
  readonly keptBy: { readonly kind: 'helper' | 'file'; readonly name: string };
  /** What is kept. */
  readonly secret: 'password' | 'identity-token';
};

/**
 * Has a credential verified by its registry and keeps it: with the helper program that is configured for the registry,
 * else in the file of logins. A registry that gives out identity tokens has one kept in place of the password.
 *
 * @throws RegistryError REGISTRY_UNAUTHORIZED when the registry refuses it, LapidaryError REGISTRY_CREDENTIALS
 */
export async function login(request: LoginRequest): Promise<LoginResult> {
  const { config, username, password } = request;
  const server = checkServer(request.server);
  if (username === '' || password === '')
    throw new LapidaryError('USAGE', 'user name and password must not be empty');
  if (username.includes(':')) throw new LapidaryError('USAGE', 'a user name cannot hold a colon');
  const credential = await verifyCredential(request, server, { kind: 'password', username, password });
  const secret = credential.kind === 'password' ? 'password' : 'identity-token';
  return { server, keptBy: await keep(config, server, credential), secret };
}

/** Forgets a credential wherever it is kept; false when there was none. */
export async function logout(config: RegistryConfig, server: string): Promise<boolean> {
  const name = checkServer(server);
  let found = false;
  for (const file of config.credentialFiles) {
    const helper = helperFor(file, name);
    if (helper === undefined) continue;
    const { eraseFromHelper } = await import('./credential-helper.ts');
    found = (await eraseFromHelper(helper.program, helper.server, config.helperEnvironment)) || found;
  }
  const paths = new Set([config.loginFile, ...config.credentialFiles.map(({ path }) => path)]);
  for (const path of paths) {
    if (path.startsWith('$')) continue;
    found = (await editLoginFile(path, name, undefined)) || found;
  }
  return found;
}

async function keep(
  config: RegistryConfig,
  server: string,
  credential: Credential,
): Promise<LoginResult['keptBy']> {
  const file = config.credentialFiles.find(({ path }) => path === config.loginFile);
  const helper = file && helperFor(file, server);
  if (helper === undefined) {
    await editLoginFile(config.loginFile, server, credential);
    return { kind: 'file', name: config.loginFile };
  }
  const { storeInHelper } = await import('./credential-helper.ts');
  const environment = config.helperEnvironment;
  await storeInHelper(helper.program, helper.server, { credential, environment });
  return { kind: 'helper', name: helper.program };
}

/** Normalised, and known to be a registry with an optional namespace. */
function checkServer(server: string): string {
  const name = normaliseServer(server);
  try {
    const { registry } = parseReference(`${name}/x`);
    if (name === registry || name.startsWith(`${registry}/`)) return name;
  } catch {
    // Said below
  }
  throw new LapidaryError('USAGE', `${quoted(server)} is not a registry`, {
    hint: 'expected a host name with an optional port, such as quay.io or localhost:5000',
  });
}

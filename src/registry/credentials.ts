import type { Credential, CredentialFile, RegistryConfig } from './config.ts';
import { prefixesOf } from './names.ts';

/**
 * The credential for a repository: of the first file that has one, the longest name that it is below. A helper
 * program for a registry is asked before the one for everything, and that before what stands in the file.
 *
 * `name` is the registry in canonical form and the repository: `docker.io/library/alpine`.
 *
 * @throws LapidaryError REGISTRY_CREDENTIALS when a helper program fails
 */
export async function findCredential(
  { credentialFiles, helperEnvironment }: Pick<RegistryConfig, 'credentialFiles' | 'helperEnvironment'>,
  name: string,
): Promise<Credential | undefined> {
  for (const file of credentialFiles) {
    const found = (await fromHelpers(file, name, helperEnvironment)) ?? fromAuths(file, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fromAuths({ auths }: CredentialFile, name: string): Credential | undefined {
  return prefixesOf(name)
    .map((prefix) => auths.get(prefix))
    .find((one) => one !== undefined);
}

async function fromHelpers(
  file: CredentialFile,
  name: string,
  environment: Readonly<Record<string, string>>,
): Promise<Credential | undefined> {
  const helper = helperFor(file, name);
  if (helper === undefined) return undefined;
  const { askHelper } = await import('./credential-helper.ts');
  return askHelper(helper.program, helper.server, environment);
}

/** Which program knows about a repository, and the name it knows the registry by. */
export function helperFor(
  { credHelpers, credsStore }: Pick<CredentialFile, 'credHelpers' | 'credsStore'>,
  name: string,
): { readonly program: string; readonly server: string } | undefined {
  for (const prefix of prefixesOf(name)) {
    const program = credHelpers.get(prefix);
    if (program !== undefined) return { program, server: prefix };
  }
  const [server = name] = name.split('/', 1);
  return credsStore === undefined ? undefined : { program: credsStore, server };
}

import { spawn } from 'node:child_process';
import { LapidaryError, messageOf, printable, quoted } from '../errors/index.ts';
import type { Credential } from './config.ts';
import { DOCKER_HUB, DOCKER_HUB_SERVER } from './names.ts';

const MAX_OUTPUT = 1024 * 1024;
const TIMEOUT_MS = 60_000;
/** The user name that says the secret is an identity token. */
const TOKEN_USER = '<token>';

type Outcome = { readonly code: number | null; readonly output: string };

/**
 * Asks `docker-credential-PROGRAM` for the credential of a registry; `undefined` when it has none.
 *
 * Source: github.com/docker/docker-credential-helpers, client and credentials packages.
 * @throws LapidaryError REGISTRY_CREDENTIALS when it is missing or fails
 */
export async function askHelper(
  program: string,
  registry: string,
  environment: Readonly<Record<string, string>>,
): Promise<Credential | undefined> {
  const { code, output } = await run(program, 'get', serverName(registry), environment);
  if (code !== 0) {
    if (/credentials not found|no credentials server url|no credentials username/i.test(output))
      return undefined;
    throw failed(program, output.trim() || `exit code ${code}`);
  }
  const { Username: username, Secret: secret } = parseAnswer(program, output);
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw failed(program, 'no user name and secret came back');
  if (secret === '') return undefined;
  return username === TOKEN_USER
    ? { kind: 'identity-token', token: secret }
    : { kind: 'password', username, password: secret };
}

/** @throws LapidaryError REGISTRY_CREDENTIALS */
export async function storeInHelper(
  program: string,
  registry: string,
  {
    credential,
    environment,
  }: { readonly credential: Credential; readonly environment: Readonly<Record<string, string>> },
): Promise<void> {
  const [username, secret] =
    credential.kind === 'password'
      ? [credential.username, credential.password]
      : [TOKEN_USER, credential.token];
  const input = JSON.stringify({ ServerURL: serverName(registry), Username: username, Secret: secret });
  const { code, output } = await run(program, 'store', input, environment);
  if (code !== 0) throw failed(program, output.trim() || `exit code ${code}`);
}

/** Takes a credential away; false when there was none. @throws LapidaryError REGISTRY_CREDENTIALS */
export async function eraseFromHelper(
  program: string,
  registry: string,
  environment: Readonly<Record<string, string>>,
): Promise<boolean> {
  if ((await askHelper(program, registry, environment)) === undefined) return false;
  const { code, output } = await run(program, 'erase', serverName(registry), environment);
  if (code !== 0) throw failed(program, output.trim() || `exit code ${code}`);
  return true;
}

/** Docker Hub goes by the name that docker gave it. */
const serverName = (registry: string): string => (registry === DOCKER_HUB ? DOCKER_HUB_SERVER : registry);

function parseAnswer(program: string, output: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(output)) as Readonly<Record<string, unknown>>;
  } catch {
    // What came back may hold a secret, so that it is not shown
    throw failed(program, 'no JSON came back');
  }
}

async function run(
  program: string,
  action: string,
  input: string,
  environment: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const name = `docker-credential-${program}`;
  if (!/^[\w.+-]+$/.test(program)) throw failed(program, 'this is no name of a credential helper');
  const child = spawn(name, [action], {
    env: environment,
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: TIMEOUT_MS,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const chunks: Buffer[] = [];
  let size = 0;
  child.on('error', (error) => reject(missing(name, error)));
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_OUTPUT) chunks.push(chunk);
    else child.kill('SIGKILL');
  });
  child.on('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString('utf8') }));
  // A helper that ends without reading says more by its output than the broken pipe does
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return promise;
}

function missing(name: string, error: Error): LapidaryError {
  const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const what = absent ? 'is not installed' : `cannot be started: ${messageOf(error)}`;
  return new LapidaryError('REGISTRY_CREDENTIALS', `the credential helper ${quoted(name)} ${what}`, {
    hint: 'install it, or take it out of credsStore and credHelpers in the file of credentials',
    cause: error,
  });
}

function failed(program: string, reason: string): LapidaryError {
  const text = printable(reason.slice(0, 300));
  return new LapidaryError(
    'REGISTRY_CREDENTIALS',
    `the credential helper ${quoted(program)} failed: ${text}`,
    {
      hint: 'run it by hand, or log in again',
    },
  );
}

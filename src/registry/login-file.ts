import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { Credential } from './config.ts';
import { parseConfigJson } from './docker-config.ts';
import { DOCKER_HUB, DOCKER_HUB_SERVER, normaliseServer } from './names.ts';

/**
 * Puts the credential of a server into a file of logins, or takes it out; everything else in the file stays. Another
 * process sees the old file or the new one, which only its owner can read.
 *
 * @returns whether there was an entry before
 * @throws LapidaryError REGISTRY_CONFIG
 */
export async function editLoginFile(
  path: string,
  server: string,
  credential: Credential | undefined,
): Promise<boolean> {
  // The file may be a link into a repository of settings
  const target = await realpath(path).catch(() => path);
  const text = await readFile(target, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw unwritable(path, error);
  });
  const before = parseConfigJson(text, path);
  const entries = Object.entries(Object(before['auths']) as Readonly<Record<string, unknown>>);
  const others = entries.filter(([name]) => normaliseServer(name) !== server);
  const found = others.length < entries.length;
  if (credential === undefined && !found) return false;
  const own = credential === undefined ? [] : [[keyOf(path, server), encode(credential)] as const];
  const after = { ...before, auths: Object.fromEntries([...others, ...own]) };
  await replaceFile(target, `${JSON.stringify(after, undefined, '\t')}\n`).catch((error: unknown) => {
    throw unwritable(path, error);
  });
  return found;
}

/** docker's own file has docker's name for Docker Hub, so that docker finds it, too. */
function keyOf(path: string, server: string): string {
  return server === DOCKER_HUB && basename(path) === 'config.json' ? DOCKER_HUB_SERVER : server;
}

function encode(credential: Credential): Readonly<Record<string, string>> {
  if (credential.kind === 'identity-token') return { identitytoken: credential.token };
  if (credential.kind === 'registry-token') return { registrytoken: credential.token };
  const text = `${credential.username}:${credential.password}`;
  return { auth: Buffer.from(text).toString('base64') };
}

async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    await using file = await open(temporary, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function unwritable(path: string, error: unknown): LapidaryError {
  return new LapidaryError(
    'REGISTRY_CONFIG',
    `${quoted(path)} cannot be read and written: ${messageOf(error)}`,
    {
      hint: 'check its owner and permissions',
      cause: error,
    },
  );
}

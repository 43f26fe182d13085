import { open, stat } from 'node:fs/promises';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { Credentials, SshAgent } from '../solve/index.ts';

/** Where the value of a secret is. A file is read when the first step needs it. */
export type SecretSource =
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'value'; readonly value: Uint8Array };

/** BuildKit's own limit. */
const MAX_SECRET = 500 * 1024;
const MAX_KEY = 100 * 1024;

export type CredentialOptions = {
  readonly secrets?: ReadonlyMap<string, SecretSource>;
  /** By ID: one socket of an agent, or files with private keys. */
  readonly ssh?: ReadonlyMap<string, readonly string[]>;
};

/**
 * What is lent to steps. Names that lead nowhere are told at once, not when a step comes to need them.
 * @throws LapidaryError USAGE
 */
export async function openCredentials({
  secrets = new Map(),
  ssh = new Map(),
}: CredentialOptions): Promise<Credentials> {
  for (const [id, source] of secrets) {
    const size =
      source.type === 'file' ? await sizeOf(source.path, `the secret ${quoted(id)}`) : source.value.length;
    if (size > MAX_SECRET) throw tooBig(id);
  }
  const agents = new Map<string, SshAgent>();
  for (const [id, paths] of ssh) agents.set(id, await openAgent(id, paths));
  const read = new Map<string, Promise<Uint8Array>>();
  return {
    secretIds: [...secrets.keys()],
    agentIds: [...agents.keys()],
    async secret(id) {
      const source = secrets.get(id);
      if (source === undefined) return undefined;
      // Once: a pipe gives what it has only to the first who reads it
      const bytes = read.get(id) ?? readSecret(id, source);
      read.set(id, bytes);
      return bytes;
    },
    agent: (id) => Promise.resolve(agents.get(id)),
  };
}

async function readSecret(id: string, source: SecretSource): Promise<Uint8Array> {
  if (source.type === 'value') return source.value;
  const bytes = await readBounded(source.path, { limit: MAX_SECRET, what: `the secret ${quoted(id)}` });
  if (bytes === undefined) throw tooBig(id);
  return bytes;
}

function tooBig(id: string): LapidaryError {
  return new LapidaryError('USAGE', `the secret ${quoted(id)} is larger than 500 KiB`, {
    hint: 'give a smaller one that opens the way to the rest',
  });
}

/** One socket, or keys for an agent that is started for the step. */
async function openAgent(id: string, paths: readonly string[]): Promise<SshAgent> {
  const keys: Uint8Array[] = [];
  for (const path of paths) {
    const what = `the SSH agent ${quoted(id)}`;
    const isSocket = await about(path, what, async () => (await stat(path)).isSocket());
    if (isSocket && paths.length === 1) return { type: 'socket', path };
    if (isSocket) {
      const message = `${what} cannot be a socket and something else at once: ${quoted(path)}`;
      throw new LapidaryError('USAGE', message, { hint: 'name one socket, or keys only' });
    }
    const key = await readBounded(path, { limit: MAX_KEY, what });
    if (key === undefined)
      throw new LapidaryError('USAGE', `${what}: ${quoted(path)} is too large for a key`);
    keys.push(key);
  }
  return { type: 'keys', keys, files: paths };
}

async function sizeOf(path: string, what: string): Promise<number> {
  const { size, isDirectory } = await about(path, what, async () => {
    const found = await stat(path);
    return { size: found.size, isDirectory: found.isDirectory() };
  });
  if (!isDirectory) return size;
  throw new LapidaryError('USAGE', `${what} cannot be read: ${quoted(path)} is a directory`);
}

/** `undefined` when there is more than `limit` bytes. */
async function readBounded(
  path: string,
  { limit, what }: { readonly limit: number; readonly what: string },
): Promise<Uint8Array | undefined> {
  return about(path, what, async () => {
    await using file = await open(path, 'r');
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of file.createReadStream({ autoClose: false })) {
      chunks.push(chunk as Uint8Array);
      size += (chunk as Uint8Array).length;
      if (size > limit) return undefined;
    }
    return Buffer.concat(chunks);
  });
}

async function about<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new LapidaryError('USAGE', `${what} cannot be read from ${quoted(path)}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

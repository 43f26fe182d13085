import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { Credential, CredentialFile } from './config.ts';
import { normaliseServer } from './names.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads docker's `config.json` or containers' `auth.json`, which have the same form. Entries that hold no credential
 * are left out, as docker writes empty ones for what a helper program keeps.
 *
 * Source: docker/cli, cli/config/configfile; containers-auth.json(5).
 * @throws LapidaryError REGISTRY_CONFIG
 */
export function parseCredentialFile(text: string, path: string): CredentialFile {
  const { auths, credsStore, credHelpers } = parseConfigJson(text, path);
  const entries = Object.entries(asObject(auths)).flatMap(([server, entry]) => {
    const credential = credentialOf(asObject(entry), { server, path });
    return credential === undefined ? [] : [[normaliseServer(server), credential] as const];
  });
  const helpers = Object.entries(asObject(credHelpers)).flatMap(([server, program]) =>
    typeof program === 'string' && program !== '' ? [[normaliseServer(server), program] as const] : [],
  );
  return {
    path,
    auths: new Map(entries),
    ...(typeof credsStore === 'string' && credsStore !== '' && { credsStore }),
    credHelpers: new Map(helpers),
  };
}

/** The whole object, for who changes a part of it. @throws LapidaryError REGISTRY_CONFIG */
export function parseConfigJson(text: string, path: string): Json {
  if (text.trim() === '') return {};
  try {
    const value = JSON.parse(text) as unknown;
    if (isObject(value)) return value;
  } catch (error) {
    throw new LapidaryError(
      'REGISTRY_CONFIG',
      `${quoted(path)} is not JSON: ${withoutExcerpt(messageOf(error))}`,
      {
        hint: 'correct it, or remove it and log in again',
      },
    );
  }
  throw new LapidaryError('REGISTRY_CONFIG', `${quoted(path)} holds no JSON object`);
}

/** V8 shows some of the text, in which there are secrets. */
function withoutExcerpt(message: string): string {
  return message.replace(/,? *(?:\.\.\.)?".*$/s, '').replace(/ in JSON at/, ' at');
}

function credentialOf(
  entry: Json,
  at: { readonly server: string; readonly path: string },
): Credential | undefined {
  const { identitytoken, registrytoken, auth, username, password } = entry;
  if (typeof identitytoken === 'string' && identitytoken !== '')
    return { kind: 'identity-token', token: identitytoken };
  if (typeof registrytoken === 'string' && registrytoken !== '') return registryToken(registrytoken, at);
  if (typeof auth === 'string' && auth !== '') return decodeAuth(auth, at);
  if (typeof username !== 'string' || username === '' || typeof password !== 'string') return undefined;
  return { kind: 'password', username, password };
}

/** It stands in a header as it is. */
function registryToken(
  token: string,
  { server, path }: { readonly server: string; readonly path: string },
): Credential {
  if (/^[\x21-\x7e]+$/.test(token)) return { kind: 'registry-token', token };
  throw new LapidaryError(
    'REGISTRY_CONFIG',
    `the registrytoken of ${quoted(server)} in ${quoted(path)} holds characters that no token has`,
    { hint: `log in again: \`lapidary login ${server}\`` },
  );
}

/** Base64 of `user:password`. */
function decodeAuth(
  auth: string,
  { server, path }: { readonly server: string; readonly path: string },
): Credential {
  // Old clients filled it up with zeros
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (colon > 0) return { kind: 'password', username: text.slice(0, colon), password: text.slice(colon + 1) };
  throw new LapidaryError(
    'REGISTRY_CONFIG',
    `the auth of ${quoted(server)} in ${quoted(path)} is not user:password in base64`,
    {
      hint: `log in again: \`lapidary login ${server}\``,
    },
  );
}

function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

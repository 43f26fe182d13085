import { resolve } from 'node:path';
import type { SecretSource } from '../build/index.ts';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { parseCsv } from './csv.ts';
import type { Io } from './io.ts';

type Place = Pick<Io, 'cwd' | 'env'>;

const SECRET_KEYS = { id: 'id', type: 'type', source: 'src', src: 'src', env: 'env' } as const;
const HINT = 'expected id=NAME,src=FILE or id=NAME,env=VARIABLE';

/**
 * `--secret id=NAME[,type=file|env][,src=FILE|,env=VARIABLE]`. Without a source it is the variable of that name where
 * the environment has one, else the file. Source: github.com/docker/buildx, util/buildflags/secrets.go.
 *
 * @throws LapidaryError USAGE; no message holds a value
 */
export function readSecrets(list: readonly string[], place: Place): Map<string, SecretSource> {
  const secrets = new Map<string, SecretSource>();
  for (const text of list) {
    const { id, source } = readSecret(text, place);
    if (secrets.has(id)) throw usage(`the secret ${quoted(id)} is given twice`, 'remove one of them');
    secrets.set(id, source);
  }
  return secrets;
}

function readSecret(
  text: string,
  { cwd, env }: Place,
): { readonly id: string; readonly source: SecretSource } {
  const fields = secretFields(text);
  const { id, type, src } = fields;
  if (!id) throw usage(`--secret has no id: ${quoted(text)}`, HINT);
  if (type !== undefined && type !== 'file' && type !== 'env')
    throw usage(`--secret cannot have the type ${quoted(type)}`, 'expected file or env');
  const named = fields.env ?? (type === 'env' ? (src ?? id) : undefined);
  if (named !== undefined && type === 'file')
    throw usage(`--secret is a file and a variable: ${quoted(text)}`, HINT);
  if (fields.env !== undefined && src !== undefined)
    throw usage(`--secret has two sources: ${quoted(text)}`, HINT);
  const variable =
    named ?? (src === undefined && type === undefined && env[id] !== undefined ? id : undefined);
  if (variable === undefined) return { id, source: { type: 'file', path: resolve(cwd, src ?? id) } };
  const value = env[variable];
  if (value !== undefined) return { id, source: { type: 'value', value: Buffer.from(value) } };
  throw usage(
    `--secret: the environment has no variable ${quoted(variable)}`,
    `export it, or use id=${id},src=FILE`,
  );
}

function secretFields(text: string): { id?: string; type?: string; src?: string; env?: string } {
  const fields: { id?: string; type?: string; src?: string; env?: string } = {};
  for (const field of parseCsv(text, '--secret')) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    if (equals < 0) throw usage(`--secret has a field without a value: ${quoted(field)}`, HINT);
    if (!Object.hasOwn(SECRET_KEYS, key)) {
      const near = suggest(key, Object.keys(SECRET_KEYS));
      throw usage(
        `--secret has no field ${quoted(key)}`,
        near === undefined ? HINT : `did you mean ${near}?`,
      );
    }
    fields[SECRET_KEYS[key as keyof typeof SECRET_KEYS]] = field.slice(equals + 1);
  }
  return fields;
}

/**
 * `--ssh ID[=SOCKET|KEY[,KEY…]]`; without a path the agent of `$SSH_AUTH_SOCK`.
 *
 * @throws LapidaryError USAGE
 */
export function readAgents(list: readonly string[], { cwd, env }: Place): Map<string, readonly string[]> {
  const agents = new Map<string, readonly string[]>();
  for (const text of list) {
    const equals = text.indexOf('=');
    const id = (equals < 0 ? text : text.slice(0, equals)) || 'default';
    if (agents.has(id)) throw usage(`the SSH agent ${quoted(id)} is given twice`, 'remove one of them');
    const paths =
      equals < 0
        ? []
        : text
            .slice(equals + 1)
            .split(',')
            .filter(Boolean);
    agents.set(id, paths.length > 0 ? paths.map((path) => resolve(cwd, path)) : [agentOf(id, env)]);
  }
  return agents;
}

function agentOf(id: string, env: Place['env']): string {
  const path = env['SSH_AUTH_SOCK'];
  if (path) return path;
  throw usage(
    `--ssh ${id}: no agent is running, $SSH_AUTH_SOCK is not set`,
    `start one, or use --ssh ${id}=KEY`,
  );
}

function usage(message: string, hint: string): LapidaryError {
  return new LapidaryError('USAGE', message, { hint });
}

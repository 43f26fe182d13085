import { parse } from 'smol-toml';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { MirrorRule, RegistryRule } from './config.ts';
import { canonicalRegistry } from './names.ts';

type Table = Readonly<Record<string, unknown>>;
type At = { readonly path: string; readonly where: string };

/**
 * The rules of a containers-registries.conf(5) of version 2. Settings that are about other things than where an image
 * is found are read over.
 *
 * @throws LapidaryError REGISTRY_CONFIG naming file and entry
 */
export function parseRegistriesConf(text: string, path: string): readonly RegistryRule[] {
  const document = parseToml(text, path);
  if (document['registries'] !== undefined) {
    throw invalid({ path, where: '[registries]' }, 'is of version 1', 'write [[registry]] tables instead');
  }
  const tables = listOf(document['registry'], { path, where: 'registry' });
  return tables.map((table, index) => parseRule(table, { path, where: `registry[${index}]` }));
}

/** Rules of several files: of those with the same prefix the last stands. */
export function mergeRules(files: readonly (readonly RegistryRule[])[]): readonly RegistryRule[] {
  return [...new Map(files.flat().map((rule) => [rule.prefix, rule])).values()];
}

function parseToml(text: string, path: string): Table {
  try {
    return parse(text);
  } catch (error) {
    const [first = ''] = messageOf(error).split('\n', 1);
    throw new LapidaryError('REGISTRY_CONFIG', `${quoted(path)} is not TOML: ${first}`, { cause: error });
  }
}

function parseRule(table: Table, at: At): RegistryRule {
  const location = optionalName(table, 'location', at);
  const prefix = optionalName(table, 'prefix', at) ?? location;
  if (prefix === undefined) throw invalid(at, 'has neither prefix nor location');
  const digestOnly = flag(table, 'mirror-by-digest-only', at);
  const mirrors = listOf(table['mirror'], { ...at, where: `${at.where}.mirror` });
  return {
    prefix,
    ...(location !== undefined && { location }),
    insecure: flag(table, 'insecure', at),
    blocked: flag(table, 'blocked', at),
    mirrors: mirrors.map((mirror, index) =>
      parseMirror(mirror, { ...at, where: `${at.where}.mirror[${index}]` }, digestOnly),
    ),
  };
}

function parseMirror(table: Table, at: At, digestOnly: boolean): MirrorRule {
  const location = optionalName(table, 'location', at);
  if (location === undefined) throw invalid(at, 'has no location');
  const pull = table['pull-from-mirror'] ?? (digestOnly ? 'digest-only' : 'all');
  if (pull !== 'all' && pull !== 'digest-only' && pull !== 'tag-only') {
    throw invalid(at, 'has a pull-from-mirror that is none of all, digest-only and tag-only');
  }
  return { location, insecure: flag(table, 'insecure', at), pull };
}

/** `host[:port][/path]`, or `*.host` for a prefix. */
function optionalName(table: Table, key: string, at: At): string | undefined {
  const value = table[key];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string') throw invalid(at, `has a ${key} that is no string`);
  if (/^[a-z]+:\/\//i.test(value))
    throw invalid(at, `has a ${key} that is a URL: ${quoted(value)}`, 'leave out the scheme');
  const pattern = key === 'prefix' ? /^(?:\*\.)?[\w.[\]:-]+(?:\/[\w./-]+)?$/ : /^[\w.[\]:-]+(?:\/[\w./-]+)?$/;
  const name = value.replace(/\/+$/, '');
  if (!pattern.test(name)) throw invalid(at, `has a ${key} that is no registry: ${quoted(value)}`);
  const slash = name.indexOf('/');
  return slash < 0 ? canonicalRegistry(name) : canonicalRegistry(name.slice(0, slash)) + name.slice(slash);
}

function flag(table: Table, key: string, at: At): boolean {
  const value = table[key] ?? false;
  if (typeof value !== 'boolean') throw invalid(at, `has a value for ${key} that is neither true nor false`);
  return value;
}

function listOf(value: unknown, at: At): readonly Table[] {
  if (value === undefined) return [];
  const tables = Array.isArray(value) ? (value as readonly unknown[]) : [undefined];
  if (tables.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one)))
    return tables as readonly Table[];
  throw invalid(at, 'is no list of tables', `write [[${at.where}]]`);
}

function invalid({ path, where }: At, what: string, hint?: string): LapidaryError {
  return new LapidaryError('REGISTRY_CONFIG', `${where} in ${quoted(path)} ${what}`, {
    hint: hint ?? 'see containers-registries.conf(5)',
  });
}

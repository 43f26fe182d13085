import { resolve } from 'node:path';
import type { OutputSpec } from '../build/index.ts';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { compressionLevel } from '../oci/index.ts';
import { parseCsv } from './csv.ts';
import { readBoolean } from './read-input.ts';

const TYPES = ['oci', 'docker', 'tar', 'local', 'registry', 'image'] as const;
const COMPRESSIONS = ['gzip', 'estargz', 'zstd', 'uncompressed'] as const;
/** What is said of compressed layers. */
const COMPRESSION_KEYS = ['compression', 'compression-level', 'force-compression'];
const MEDIA_KEY = 'oci-mediatypes';
const PUSH_KEYS = ['name', 'push', 'push-by-digest', 'name-canonical', 'registry.insecure'];
const KEYS = ['type', 'dest', 'tar', 'platform-split', MEDIA_KEY, ...COMPRESSION_KEYS, ...PUSH_KEYS];

/**
 * Reads the value of `--output`. As in docker a single field without `type=` is the directory of a local output,
 * and `-` alone a tar on standard output.
 *
 * @throws LapidaryError USAGE or UNSUPPORTED
 */
export function parseOutput(text: string, cwd: string): OutputSpec {
  const fields = parseCsv(text, '--output');
  if (fields.length === 1 && fields[0] === text && !text.startsWith('type=')) {
    if (text === '') throw usage('--output is empty', 'expected type=oci,dest=FILE or a directory');
    return text === '-' ? { type: 'tar', dest: '-' } : { type: 'local', dest: resolve(cwd, text) };
  }
  const values = readFields(fields, text);
  const type = readType(values.get('type'), text);
  if (type === 'registry' || type === 'image') return readNamed(type, values);
  refuseKeys(type, PUSH_KEYS, values);
  const dest = readDest(type, values.get('dest'), cwd);
  const tar = readBoolean('tar=', values.get('tar') ?? 'true');
  if (type === 'tar' || type === 'local') {
    refuseKeys(type, ['tar', MEDIA_KEY, ...COMPRESSION_KEYS], values);
    const split = values.get('platform-split');
    return {
      type,
      dest,
      ...(split !== undefined && { platformSplit: readBoolean('platform-split=', split) }),
    };
  }
  refuseKeys(type, ['platform-split'], values);
  if (!tar && (type === 'docker' || dest === '-')) {
    throw usage('tar=false needs type=oci and a dest', 'it writes an OCI layout directory');
  }
  return { type, dest, tar, ...compressionFields(type, values) };
}

type Values = ReadonlyMap<string, string>;
type Compressed = Pick<
  Extract<OutputSpec, { readonly type: 'registry' }>,
  'compression' | 'compressionLevel' | 'forceCompression' | 'ociMediaTypes'
>;

/** An image that gets names: in the store, or, when it is pushed, in registries. */
function readNamed(type: 'registry' | 'image', values: Values): OutputSpec {
  refuseKeys(type, ['dest', 'tar', 'platform-split'], values);
  const flag = (key: string, fallback = 'false'): boolean =>
    readBoolean(`${key}=`, values.get(key) ?? fallback);
  const names = (values.get('name') ?? '').split(',').filter((name) => name !== '');
  if (!flag('push', type === 'registry' ? 'true' : 'false')) {
    if (type === 'registry') throw usage('an output of type registry is always pushed', 'use type=image');
    refuseKeys(
      'image without push=true',
      ['push-by-digest', 'registry.insecure', MEDIA_KEY, ...COMPRESSION_KEYS],
      values,
    );
    return { type: 'image', names };
  }
  return {
    type: 'registry',
    names,
    ...(flag('push-by-digest') && { byDigest: true }),
    ...(flag('name-canonical') && { canonical: true }),
    ...(flag('registry.insecure') && { insecure: true }),
    ...compressionFields('registry', values),
  };
}

function refuseKeys(type: string, keys: readonly string[], values: Values): void {
  const extra = keys.find((key) => values.has(key));
  if (extra !== undefined) throw usage(`an output of type ${type} has no ${extra}`, `leave out ${extra}=`);
}

function compressionFields(type: OutputSpec['type'], values: Values): Compressed {
  const [compression, level, force] = COMPRESSION_KEYS.map((key) => values.get(key));
  const compresses =
    (compression ?? 'uncompressed') !== 'uncompressed' || level !== undefined || force !== undefined;
  if (type === 'docker' && compresses) {
    throw usage('layers of an output of type docker are never compressed', 'use type=oci');
  }
  const isForced = force === undefined ? undefined : readBoolean('force-compression=', force);
  const types = values.get(MEDIA_KEY);
  return {
    ...readCompression({ compression, level, force: isForced }),
    ...(types !== undefined && { ociMediaTypes: readBoolean(`${MEDIA_KEY}=`, types) }),
  };
}

/** How layers are compressed, from what was written. @throws LapidaryError USAGE, UNSUPPORTED */
export function readCompression({
  compression: name,
  level,
  force,
}: {
  readonly compression: string | undefined;
  readonly level: string | undefined;
  readonly force: boolean | undefined;
}): Compressed {
  const compression = name === undefined ? undefined : compressionOf(name);
  return {
    ...(compression === undefined ? {} : { compression }),
    ...(level === undefined ? {} : { compressionLevel: readLevel(level, compression ?? 'gzip') }),
    ...(force === undefined ? {} : { forceCompression: force }),
  };
}

/** @throws LapidaryError USAGE */
function readLevel(text: string, compression: (typeof COMPRESSIONS)[number]): number {
  const level = /^\d{1,3}$/.test(text) ? Number(text) : undefined;
  if (level === undefined) {
    throw usage(`compression-level= is not a number: ${quoted(text)}`, 'expected 0 to 9, with zstd 1 to 19');
  }
  compressionLevel(compression, level);
  return level;
}

function readFields(fields: readonly string[], text: string): Map<string, string> {
  const values = new Map<string, string>();
  let last = '';
  for (const field of fields) {
    const equals = field.indexOf('=');
    // `name=a,b`: docker wants it quoted
    if (equals < 0 && last === 'name') {
      values.set(last, `${values.get(last) ?? ''},${field}`);
      continue;
    }
    if (equals < 0) {
      throw usage(`--output has a field without a value: ${quoted(field)}`, 'expected KEY=VALUE, …');
    }
    const key = field.slice(0, equals).trim().toLowerCase();
    if (!KEYS.includes(key)) {
      const near = suggest(key, KEYS);
      throw new LapidaryError('UNSUPPORTED', `--output does not know ${quoted(key)} in ${quoted(text)}`, {
        hint: near === undefined ? `known are ${KEYS.join(', ')}` : `did you mean ${near}?`,
      });
    }
    values.set(key, field.slice(equals + 1));
    last = key;
  }
  return values;
}

function readType(type: string | undefined, text: string): OutputSpec['type'] {
  const known = TYPES.find((one) => one === type);
  if (known !== undefined) return known;
  if (type === undefined) throw usage(`--output has no type: ${quoted(text)}`, `add type=${TYPES.join('|')}`);
  if (type === 'cacheonly') {
    throw new LapidaryError('UNSUPPORTED', 'an output of type cacheonly is not supported', {
      hint: 'leave it out: without an output and a name only the cache is filled',
    });
  }
  const near = suggest(type, TYPES);
  throw usage(
    `--output has no type ${quoted(type)}`,
    near === undefined ? `expected ${TYPES.join(', ')}` : `did you mean ${near}?`,
  );
}

function readDest(type: OutputSpec['type'], dest: string | undefined, cwd: string): string {
  if (dest === undefined && (type === 'oci' || type === 'tar')) return '-';
  if (dest === undefined || dest === '' || (type === 'local' && dest === '-')) {
    throw usage(
      `an output of type ${type} needs a dest`,
      `add dest=${type === 'local' ? 'DIRECTORY' : 'FILE'}`,
    );
  }
  return dest === '-' ? '-' : resolve(cwd, dest);
}

function compressionOf(text: string): (typeof COMPRESSIONS)[number] {
  const known = COMPRESSIONS.find((one) => one === text);
  if (known !== undefined) return known;
  throw new LapidaryError('UNSUPPORTED', `there is no compression ${quoted(text)}`, {
    hint: `expected ${COMPRESSIONS.join(', ')}`,
  });
}

function usage(message: string, hint: string): LapidaryError {
  return new LapidaryError('USAGE', message, { hint });
}

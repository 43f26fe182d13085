import { resolve } from 'node:path';
import type { OutputSpec } from '../build/index.ts';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { compressionLevel } from '../oci/index.ts';
import { parseCsv } from './csv.ts';

const TYPES = ['oci', 'docker', 'tar', 'local'] as const;
const COMPRESSIONS = ['gzip', 'estargz', 'zstd', 'uncompressed'] as const;
/** What is said of compressed layers. */
const COMPRESSION_KEYS = ['compression', 'compression-level', 'force-compression'];
const KEYS = ['type', 'dest', 'tar', ...COMPRESSION_KEYS];
/** Valid in docker, but not done here. */
const FOREIGN_TYPES = new Set(['image', 'registry', 'cacheonly']);

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
  const dest = readDest(type, values.get('dest'), cwd);
  const tar = readBoolean('tar', values.get('tar') ?? 'true');
  if (type === 'tar' || type === 'local') {
    const extra = ['tar', ...COMPRESSION_KEYS].find((key) => values.has(key));
    if (extra !== undefined) throw usage(`an output of type ${type} has no ${extra}`, `leave out ${extra}=`);
    return { type, dest };
  }
  if (!tar && (type === 'docker' || dest === '-')) {
    throw usage('tar=false needs type=oci and a dest', 'it writes an OCI layout directory');
  }
  return { type, dest, tar, ...compressionFields(type, values) };
}

type LayoutSpec = Extract<OutputSpec, { readonly tar: boolean }>;

function compressionFields(
  type: LayoutSpec['type'],
  values: ReadonlyMap<string, string>,
): Pick<LayoutSpec, 'compression' | 'compressionLevel' | 'forceCompression'> {
  const [name, level, force] = COMPRESSION_KEYS.map((key) => values.get(key));
  const compression = name === undefined ? undefined : readCompression(name);
  const compresses =
    (compression ?? 'uncompressed') !== 'uncompressed' || level !== undefined || force !== undefined;
  if (type === 'docker' && compresses) {
    throw usage('layers of an output of type docker are never compressed', 'use type=oci');
  }
  return {
    ...(compression === undefined ? {} : { compression }),
    ...(level === undefined ? {} : { compressionLevel: readLevel(level, compression ?? 'gzip') }),
    ...(force === undefined ? {} : { forceCompression: readBoolean('force-compression', force) }),
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
  for (const field of fields) {
    const equals = field.indexOf('=');
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
  }
  return values;
}

function readType(type: string | undefined, text: string): OutputSpec['type'] {
  const known = TYPES.find((one) => one === type);
  if (known !== undefined) return known;
  if (type === undefined) throw usage(`--output has no type: ${quoted(text)}`, `add type=${TYPES.join('|')}`);
  if (FOREIGN_TYPES.has(type)) {
    throw new LapidaryError('UNSUPPORTED', `an output of type ${type} is not supported`, {
      hint: 'write an archive with type=oci,dest=FILE and push it with another tool',
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

/** As Go's strconv.ParseBool. */
function readBoolean(key: string, text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw usage(`${key}= is neither true nor false: ${quoted(text)}`, `expected ${key}=true or ${key}=false`);
}

function readCompression(text: string): (typeof COMPRESSIONS)[number] {
  const known = COMPRESSIONS.find((one) => one === text);
  if (known !== undefined) return known;
  throw new LapidaryError('UNSUPPORTED', `there is no compression ${quoted(text)}`, {
    hint: `expected ${COMPRESSIONS.join(', ')}`,
  });
}

function usage(message: string, hint: string): LapidaryError {
  return new LapidaryError('USAGE', message, { hint });
}

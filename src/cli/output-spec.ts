import { resolve } from 'node:path';
import type { OutputSpec } from '../build/index.ts';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { parseCsv } from './csv.ts';

const TYPES = ['oci', 'docker', 'tar', 'local'] as const;
const COMPRESSIONS = ['gzip', 'zstd', 'uncompressed'] as const;
const KEYS = ['type', 'dest', 'tar', 'compression'];
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
  const compression = values.get('compression');
  const tar = readBoolean(values.get('tar') ?? 'true');
  if (type === 'tar' || type === 'local') {
    const extra = compression === undefined ? 'tar' : 'compression';
    if (values.has(extra)) throw usage(`an output of type ${type} has no ${extra}`, `leave out ${extra}=`);
    return { type, dest };
  }
  if (!tar && (type === 'docker' || dest === '-')) {
    throw usage('tar=false needs type=oci and a dest', 'it writes an OCI layout directory');
  }
  return {
    type,
    dest,
    tar,
    ...(compression === undefined ? {} : { compression: readCompression(compression) }),
  };
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
function readBoolean(text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw usage(`tar= is neither true nor false: ${quoted(text)}`, 'expected tar=true or tar=false');
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

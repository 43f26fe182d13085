import type { IndexAnnotation } from '../build/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import { parsePlatform } from '../oci/index.ts';

const PREFIX = /^(?<types>[a-z-]+(?:,[a-z-]+)*)(?:\[(?<platform>[^\]]*)\])?:(?<rest>.*)$/s;
const TYPES = ['index', 'manifest-descriptor'] as const;
const OTHERS = ['manifest', 'index-descriptor'];

/**
 * `--annotation [TYPE[,TYPE][[PLATFORM]]:]KEY=VALUE`, as in buildx. Without a type it is of the index.
 *
 * Source: github.com/docker/buildx, `util/buildflags/annotations.go`.
 *
 * @throws LapidaryError USAGE, UNSUPPORTED, PLATFORM_INVALID
 */
export function readIndexAnnotations(list: readonly string[]): IndexAnnotation[] {
  return list.flatMap((text) => {
    const equals = text.indexOf('=');
    const { types, platform, rest } = splitName(equals < 0 ? text : text.slice(0, equals));
    if (equals < 0 || rest === '') {
      throw new LapidaryError('USAGE', `--annotation is not understood: ${quoted(text)}`, {
        hint: 'expected KEY=VALUE, index:KEY=VALUE or manifest-descriptor[OS/ARCH]:KEY=VALUE',
      });
    }
    const value = text.slice(equals + 1);
    return types.map((type): IndexAnnotation => {
      const on = readType(type, text);
      if (on === 'index' && platform !== undefined) {
        throw new LapidaryError('USAGE', `an index is of no platform: ${quoted(text)}`, {
          hint: `write index:${rest}=… or manifest-descriptor[${platform}]:${rest}=…`,
        });
      }
      return { on, key: rest, value, ...(platform !== undefined && { platform: parsePlatform(platform) }) };
    });
  });
}

/** A colon may also belong to a key. */
function splitName(name: string): {
  readonly types: readonly string[];
  readonly platform: string | undefined;
  readonly rest: string;
} {
  const { types, platform, rest = '' } = PREFIX.exec(name)?.groups ?? {};
  const known = new Set<string>([...TYPES, ...OTHERS]);
  const names = types?.split(',');
  if (names === undefined || (platform === undefined && !names.some((one) => known.has(one)))) {
    return { types: ['index'], platform: undefined, rest: name };
  }
  return { types: names, platform, rest };
}

function readType(type: string, text: string): IndexAnnotation['on'] {
  const found = TYPES.find((one) => one === type);
  if (found !== undefined) return found;
  if (OTHERS.includes(type)) {
    throw new LapidaryError('UNSUPPORTED', `manifests keep their digests, so ${quoted(text)} cannot be set`, {
      hint: `expected ${TYPES.join(' or ')}`,
    });
  }
  throw new LapidaryError('USAGE', `--annotation has no type ${quoted(type)}`, {
    hint: `expected ${TYPES.join(' or ')}`,
  });
}

/** `KEY=VALUE`; an empty value takes the annotation away. @throws LapidaryError USAGE */
export function readPlainAnnotations(list: readonly string[]): Readonly<Record<string, string>> {
  const pairs = list.map((text) => {
    const equals = text.indexOf('=');
    if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)] as const;
    throw new LapidaryError('USAGE', `--annotation is not understood: ${quoted(text)}`, {
      hint: 'expected KEY=VALUE, or KEY= to take it away',
    });
  });
  return Object.fromEntries(pairs);
}

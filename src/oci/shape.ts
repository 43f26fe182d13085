import { LapidaryError, quoted } from '../errors/index.ts';

// Written by hand because every command parses configurations: a schema library costs 10 ms of its start, and
// none of them reads null as "absent", which is how Go writes empty lists and maps.

/** Where in which document a value stands: `{ what: 'manifest', path: 'layers[2].size' }`. */
export type Place = { readonly what: string; readonly path: string };
/** Reads an untrusted JSON value as a `T`. @throws LapidaryError MANIFEST_INVALID */
export type Shape<T> = (value: unknown, at: Place) => T;
type Member<T> = { readonly shape: Shape<T>; readonly need: 'required' | 'optional' };

export const required = <T>(shape: Shape<T>): Member<T> => ({ shape, need: 'required' });
/** Absent, or null. */
export const optional = <T>(shape: Shape<T>): Member<T> => ({ shape, need: 'optional' });

/** Says which field is wrong, what it should be, and what it is. */
export function malformed(at: Place, expected: string, value: unknown): LapidaryError {
  const where = at.path === '' ? 'it' : at.path;
  const found = value === undefined ? 'but is missing' : `not ${describe(value)}`;
  return new LapidaryError(
    'MANIFEST_INVALID',
    `malformed ${at.what}: ${where} must be ${expected}, ${found}`,
  );
}

function describe(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

export const text: Shape<string> = (value, at) => {
  if (typeof value === 'string') return value;
  throw malformed(at, 'a string', value);
};

export const flag: Shape<boolean> = (value, at) => {
  if (typeof value === 'boolean') return value;
  throw malformed(at, 'true or false', value);
};

export const wholeNumber: Shape<number> = (value, at) => {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw malformed(at, 'a whole number', value);
};

export const byteCount: Shape<number> = (value, at) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed(at, 'a number of bytes', value);
};

/** Any object, as the empty one: for Go's sets, `map[string]struct{}`. */
export const emptyObject: Shape<object> = (value, at) => {
  if (value === null || isObject(value)) return {};
  throw malformed(at, 'an object', value);
};

export const literal =
  <const T extends string | number>(wanted: T): Shape<T> =>
  (value, at) => {
    if (value === wanted) return wanted;
    throw malformed(at, JSON.stringify(wanted), value);
  };

/** null reads as an empty list: Go writes a slice that was never filled so. */
export const listOf =
  <T>(item: Shape<T>): Shape<readonly T[]> =>
  (value, at) => {
    if (value === null) return [];
    if (!Array.isArray(value)) throw malformed(at, 'a list', value);
    return value.map((each, index) => item(each, { what: at.what, path: `${at.path}[${index}]` }));
  };

export const mapOf =
  <T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> =>
  (value, at) => {
    if (!isObject(value)) throw malformed(at, 'an object', value);
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [
        key,
        item(each, { what: at.what, path: `${at.path}[${quoted(key)}]` }),
      ]),
    );
  };

/** An object with these members, in the order of the input. Others are left out unless `others` says to keep them. */
export const objectOf =
  <T extends object>(
    members: { readonly [K in keyof T]-?: Member<Exclude<T[K], undefined>> },
    others: 'drop' | 'keep' = 'drop',
  ): Shape<T> =>
  (value, at) => {
    if (!isObject(value)) throw malformed(at, 'an object', value);
    const below = (key: string): Place => ({ what: at.what, path: at.path ? `${at.path}.${key}` : key });
    const known = members as Readonly<Record<string, Member<unknown>>>;
    const result: [string, unknown][] = [];
    for (const [key, each] of Object.entries(value)) {
      const member = Object.hasOwn(known, key) ? known[key] : undefined;
      if (member === undefined) {
        if (others === 'keep') result.push([key, each]);
      } else if (each !== null && member.need === 'optional') {
        result.push([key, member.shape(each, below(key))]);
      }
    }
    for (const [key, { shape, need }] of Object.entries(known)) {
      if (need === 'required') {
        result.push([key, shape(Object.hasOwn(value, key) ? value[key] : undefined, below(key))]);
      }
    }
    return Object.fromEntries(result) as T;
  };

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

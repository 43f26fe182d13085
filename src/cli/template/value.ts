import { escapeJson } from '../../progress/index.ts';

/** Data of a template. An object is a struct of Go: a field it lacks is an error; a Map may lack a key. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | { readonly [field: string]: Value };

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isMap(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

export function isStruct(value: Value): value is { readonly [field: string]: Value } {
  return typeof value === 'object' && value !== null && !isList(value) && !isMap(value);
}

/** Keys in Go's order of output. */
export function sortedEntries(map: ReadonlyMap<string, Value>): (readonly [string, Value])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What Go takes for true: all but false, 0, nil and what is empty. A struct is always true. */
export function isTrue(value: Value): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return value.size > 0;
  return Boolean(value);
}

/** As Go's `%v`. */
export function formatValue(value: Value): string {
  if (value === null) return '<no value>';
  if (isList(value)) return `[${value.map(formatValue).join(' ')}]`;
  if (isMap(value))
    return `map[${sortedEntries(value)
      .map(([k, v]) => `${k}:${formatValue(v)}`)
      .join(' ')}]`;
  if (typeof value === 'object') return `{${Object.values(value).map(formatValue).join(' ')}}`;
  return String(value);
}

/** As the function `json`, safe to print; keys of maps are sorted. `indent` as in JSON.stringify. */
export function toJson(value: Value, indent?: number): string {
  const plain = (_: string, item: Value): unknown =>
    isMap(item) ? Object.fromEntries(sortedEntries(item)) : item;
  return escapeJson(JSON.stringify(value, plain, indent));
}

/** The kind of a value, for messages. */
export function kindOf(value: Value): string {
  if (value === null) return 'nil';
  if (isList(value)) return 'a list';
  if (isMap(value)) return 'a map';
  return typeof value === 'object' ? 'a structure' : `a ${typeof value}`;
}

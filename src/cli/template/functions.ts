import { formatValue, isList, isMap, isStruct, isTrue, kindOf, toJson, type Value } from './value.ts';

/** What a function complains about; the evaluator adds the place. */
export class ArgumentProblem extends Error {}

type TemplateFunction = {
  /** Least and greatest number of arguments. */
  readonly arity: readonly [number, number];
  readonly call: (...args: readonly [Value, ...Value[]]) => Value;
};

const many = Number.POSITIVE_INFINITY;

/** `and` and `or` are evaluated elsewhere, as they do not look at all of their arguments. */
const FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  json: { arity: [1, 1], call: (value) => toJson(value) },
  index: { arity: [1, many], call: (value, ...keys) => keys.reduce(indexOne, value) },
  len: { arity: [1, 1], call: length },
  join: { arity: [2, 2], call: (list, separator) => textList(list).join(asText(separator ?? null)) },
  upper: { arity: [1, 1], call: (value) => asText(value).toUpperCase() },
  lower: { arity: [1, 1], call: (value) => asText(value).toLowerCase() },
  println: { arity: [0, many], call: (...values) => `${values.map(formatValue).join(' ')}\n` },
  printf: { arity: [1, many], call: (format, ...values) => printf(asText(format), values) },
  eq: { arity: [2, many], call: (value, ...others) => others.some((other) => equal(value, other)) },
  ne: { arity: [2, 2], call: (value, other) => !equal(value, other ?? null) },
  not: { arity: [1, 1], call: (value) => !isTrue(value) },
};

/** All functions that a template may call. */
export const FUNCTION_NAMES: readonly string[] = [...Object.keys(FUNCTIONS), 'and', 'or'];

/** @throws ArgumentProblem */
export function callFunction(name: string, args: readonly Value[]): Value {
  const found = FUNCTIONS[name];
  if (found === undefined) throw new Error(`there is no template function ${name}`);
  checkCount(name, args.length, found.arity);
  return found.call(...(args as readonly [Value, ...Value[]]));
}

/** @throws ArgumentProblem */
export function checkCount(name: string, count: number, [least, most]: readonly [number, number]): void {
  if (count >= least && count <= most) return;
  const want = least === most ? `${least}` : `${least} or more`;
  throw new ArgumentProblem(
    `${name} takes ${want} argument${least === 1 && most === 1 ? '' : 's'}, not ${count}`,
  );
}

function asText(value: Value): string {
  if (typeof value === 'string') return value;
  throw new ArgumentProblem(`expected text, not ${kindOf(value)}`);
}

function textList(value: Value): readonly string[] {
  if (value === null) return [];
  if (isList(value)) return value.map(asText);
  throw new ArgumentProblem(`expected a list, not ${kindOf(value)}`);
}

function length(value: Value): number {
  if (typeof value === 'string') return new TextEncoder().encode(value).length;
  if (value === null) return 0;
  if (isList(value)) return value.length;
  if (isMap(value)) return value.size;
  throw new ArgumentProblem(`${kindOf(value)} has no length`);
}

/** A key that a map lacks, and any key of nil, is empty text: maps here hold text. */
function indexOne(value: Value, key: Value): Value {
  if (value === null) return '';
  if (isMap(value)) return value.get(asText(key)) ?? '';
  if (isList(value)) {
    const item = typeof key === 'number' && key >= 0 ? value[key] : undefined;
    if (item === undefined) {
      throw new ArgumentProblem(`${formatValue(key)} is no index of a list of ${value.length}`);
    }
    return item;
  }
  const name = typeof key === 'string' ? key : '';
  const item = isStruct(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  if (item === undefined) throw new ArgumentProblem(`${kindOf(value)} has no element ${formatValue(key)}`);
  return item;
}

function isPlain(value: Value): boolean {
  return value === null || typeof value !== 'object';
}

function equal(a: Value, b: Value): boolean {
  if (isPlain(a) && isPlain(b)) {
    if (a === null || b === null || typeof a === typeof b) return a === b;
    throw new ArgumentProblem(`${kindOf(a)} cannot be compared with ${kindOf(b)}`);
  }
  throw new ArgumentProblem(`${kindOf(isPlain(a) ? b : a)} cannot be compared`);
}

/** Verbs `%s %v %d %q %%`, with a width and `-` for the left. */
function printf(format: string, values: readonly Value[]): string {
  let next = 0;
  const text = format.replace(/%(-?)(\d{0,3})(.?)/gsu, (_, left: string, width: string, verb: string) => {
    if (verb === '%') return '%';
    if (!'svdq'.includes(verb) || verb === '') {
      throw new ArgumentProblem(`printf does not know %${verb}: expected %s, %v, %d or %q`);
    }
    const value = values[next];
    next += 1;
    if (value === undefined) throw new ArgumentProblem('printf has too few arguments');
    const formatted = formatVerb(verb, value);
    return left === '-' ? formatted.padEnd(Number(width)) : formatted.padStart(Number(width));
  });
  if (next < values.length) throw new ArgumentProblem('printf has too many arguments');
  return text;
}

function formatVerb(verb: string, value: Value): string {
  if (verb === 'q') return JSON.stringify(asText(value));
  if (verb === 'd' && typeof value !== 'number') {
    throw new ArgumentProblem(`%d needs a number, not ${kindOf(value)}`);
  }
  return formatValue(value);
}

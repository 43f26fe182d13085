import { type Span, suggest } from '../../errors/index.ts';
import type { Expression, Node } from './ast.ts';
import { ArgumentProblem, callFunction, checkCount } from './functions.ts';
import { templateError } from './lexer.ts';
import { formatValue, isList, isMap, isStruct, isTrue, kindOf, sortedEntries, type Value } from './value.ts';

type Block = Extract<Node, { readonly type: 'if' | 'with' | 'range' }>;
/** Variables by name, the innermost scope first. */
type Scope = { readonly names: Map<string, Value>; readonly outer: Scope | undefined };
type State = { readonly dot: Value; readonly scope: Scope };

/** Runs a parsed template. `text` is its source, for errors. @throws SourceError USAGE */
export function evaluate(nodes: readonly Node[], text: string, data: Value): string {
  const scope = { names: new Map([['$', data]]), outer: undefined };
  return new Evaluator(text).list(nodes, { dot: data, scope });
}

class Evaluator {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  list(nodes: readonly Node[], { dot, scope: outer }: State): string {
    const state = { dot, scope: { names: new Map<string, Value>(), outer } };
    return nodes.map((node) => this.#node(node, state)).join('');
  }

  #node(node: Node, state: State): string {
    switch (node.type) {
      case 'text':
        return node.text;
      case 'output':
        return formatValue(this.#value(node.value, state));
      case 'assign': {
        const value = this.#value(node.value, state);
        const scope = node.declare ? state.scope : this.#scopeOf(node.name, node.value, state.scope);
        scope.names.set(node.name, value);
        return '';
      }
      case 'range':
        return this.#range(node, state);
      case 'if':
      case 'with':
        return this.#condition(node, state);
    }
  }

  #condition({ type, value, names, body, otherwise }: Block, state: State): string {
    const found = this.#value(value, state);
    const scope = inner(state.scope, names, [found]);
    if (!isTrue(found)) return this.list(otherwise, { dot: state.dot, scope });
    return this.list(body, { dot: type === 'with' ? found : state.dot, scope });
  }

  #range({ value, names, body, otherwise }: Block, { dot, scope }: State): string {
    const found = this.#value(value, { dot, scope });
    const items = this.#items(found, value);
    if (items.length === 0) return this.list(otherwise, { dot, scope });
    return items
      .map(([key, item]) => {
        const values = names.length === 1 ? [item] : [key, item];
        return this.list(body, { dot: item, scope: inner(scope, names, values) });
      })
      .join('');
  }

  #items(value: Value, at: Span): (readonly [Value, Value])[] {
    if (value === null) return [];
    if (isList(value)) return value.map((item, i) => [i, item] as const);
    if (isMap(value)) return sortedEntries(value);
    throw templateError(this.#text, at, `range needs a list or a map, not ${kindOf(value)}`);
  }

  #value(expression: Expression, state: State): Value {
    switch (expression.type) {
      case 'literal':
        return expression.value;
      case 'dot':
        return state.dot;
      case 'variable':
        return this.#scopeOf(expression.name, expression, state.scope).names.get(expression.name) ?? null;
      case 'field':
        return this.#field(this.#value(expression.of, state), expression.name, expression);
      case 'call':
        return this.#call(expression, state);
    }
  }

  #field(value: Value, name: string, at: Span): Value {
    if (isMap(value)) return value.get(name) ?? null;
    if (isStruct(value)) {
      const field = Object.hasOwn(value, name) ? value[name] : undefined;
      if (field !== undefined) return field;
    }
    const near = isStruct(value) ? suggest(name, Object.keys(value)) : undefined;
    const hint = isStruct(value)
      ? `there are ${Object.keys(value)
          .map((key) => `.${key}`)
          .join(', ')}`
      : undefined;
    const message = `${kindOf(value)} has no field .${name}`;
    throw templateError(this.#text, at, message, near === undefined ? hint : `did you mean .${near}?`);
  }

  #call(call: Extract<Expression, { readonly type: 'call' }>, state: State): Value {
    try {
      if (call.name === 'and' || call.name === 'or') return this.#shortCut(call, state);
      return callFunction(
        call.name,
        call.args.map((arg) => this.#value(arg, state)),
      );
    } catch (error) {
      if (!(error instanceof ArgumentProblem)) throw error;
      throw templateError(
        this.#text,
        { start: call.start, end: call.start + call.name.length },
        error.message,
      );
    }
  }

  /** The first argument that decides, else the last. */
  #shortCut({ name, args }: Extract<Expression, { readonly type: 'call' }>, state: State): Value {
    checkCount(name, args.length, [1, Number.POSITIVE_INFINITY]);
    let value: Value = null;
    for (const arg of args) {
      value = this.#value(arg, state);
      if (isTrue(value) === (name === 'or')) return value;
    }
    return value;
  }

  #scopeOf(name: string, at: Span, from: Scope): Scope {
    for (let scope: Scope | undefined = from; scope !== undefined; scope = scope.outer) {
      if (scope.names.has(name)) return scope;
    }
    throw templateError(this.#text, at, `the variable ${name} is not defined`);
  }
}

function inner(outer: Scope, names: readonly string[], values: readonly Value[]): Scope {
  return { names: new Map(names.map((name, i) => [name, values[i] ?? null])), outer };
}

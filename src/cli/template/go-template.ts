import { evaluate } from './evaluate.ts';
import { parseTemplate } from './parser.ts';
import type { Value } from './value.ts';

/**
 * A template in the part of Go's text/template that docker's `--format` is used with: fields, variables, pipelines,
 * `if`, `with`, `range` and the functions of FUNCTION_NAMES. Outside of actions too, `\t` and `\n` are a tab and a line end.
 *
 * @returns the template's output for one value, which throws SourceError USAGE for fields that do not exist
 * @throws SourceError USAGE for what is not understood
 */
export function compileTemplate(template: string): (data: Value) => string {
  const nodes = parseTemplate(template);
  return (data) => evaluate(nodes, template, data);
}

import { evaluate } from './evaluate.ts';
import { parseTemplate } from './parser.ts';
import type { Value } from './value.ts';

/**
 * A template in the part of Go's text/template that docker's `--format` is used with: fields, variables, pipelines,
 * `if`, `with`, `range` and the functions of FUNCTION_NAMES. `\t` and `\n` may be written outside of actions too.
 *
 * @returns the template's output for one value, which throws SourceError USAGE for fields that do not exist
 * @throws SourceError USAGE for what is not understood
 */
export function compileTemplate(template: string): (data: Value) => string {
  const text = template.replaceAll('\\t', '\t').replaceAll('\\n', '\n');
  const nodes = parseTemplate(text);
  return (data) => evaluate(nodes, text, data);
}

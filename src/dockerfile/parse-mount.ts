import type { ParseContext } from './parse-context.ts';
import type { MountFlag, Word } from './types.ts';

/** A character of a flag's value, and where it stands in the text as written. */
type Char = { readonly char: string; readonly at: number };

/**
 * `type=cache,target=/x,ro`: fields separated by commas; before that, quotes and escapes go as in a shell.
 * Each option gets the place it was written at. Source: BuildKit, frontend/dockerfile/instructions.
 *
 * @throws SourceError DOCKERFILE_BAD_FLAG for an option without a name
 */
export function parseMount({ text, span }: Word, context: ParseContext): MountFlag {
  // Over several lines there are gaps between what is written and what is read
  const exact = text.length === span.end - span.start;
  const options = splitFields(unquote(text)).map((field) => {
    const [first, last] = [field[0], field.at(-1)];
    const start = first === undefined ? span.start : span.start + first.at;
    const at = exact && last !== undefined ? { start, end: span.start + last.at + 1 } : span;
    const written = field.map(({ char }) => char).join('');
    const equals = written.indexOf('=');
    const key = (equals < 0 ? written : written.slice(0, equals)).toLowerCase();
    if (key === '') throw context.error('DOCKERFILE_BAD_FLAG', '--mount has an option without a name', span);
    return equals < 0 ? { key, span: at } : { key, value: written.slice(equals + 1), span: at };
  });
  return { span, options };
}

/** Quotes of either kind and backslashes go; what they protect stays. */
function unquote(text: string): Char[] {
  const chars: Char[] = [];
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === '\\' && at + 1 < text.length) {
      at += 1;
      chars.push({ char: text[at] ?? '', at });
    } else if (quote === '' && (char === '"' || char === "'") && text.includes(char, at + 1)) quote = char;
    else if (char === quote) quote = '';
    else chars.push({ char, at });
  }
  return chars;
}

/** A field may be quoted once more, by quotes that the first reading left. */
function splitFields(chars: readonly Char[]): Char[][] {
  const fields: Char[][] = [[]];
  let quoted = false;
  for (const one of chars) {
    if (one.char === '"') quoted = !quoted;
    else if (one.char === ',' && !quoted) fields.push([]);
    else fields.at(-1)?.push(one);
  }
  return fields;
}

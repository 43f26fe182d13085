import type { ParseContext } from './parse-context.ts';
import type { Cursor } from './tokens.ts';
import type { Word } from './types.ts';

/** A string of a JSON list; an item that is none makes `JSON.parse` fail or is found by it. */
const ITEM = /"(?:[^"\\]|\\.)*"/g;

/**
 * The rest of a line as a JSON list of strings, with the place of each, quotes included; `undefined` when it is not
 * JSON. A list that was surely meant and is not JSON gets a warning, for it is taken as plain text then.
 * @throws SourceError DOCKERFILE_SYNTAX for a list that holds anything but strings
 */
export function readJsonList(
  cursor: Cursor,
  context: ParseContext,
  what: 'command' | 'paths',
): Word[] | undefined {
  const { text, span } = cursor.rest();
  if (!text.startsWith('[')) return undefined;
  const value = parse(text);
  if (Array.isArray(value)) {
    if (!value.every((item): item is string => typeof item === 'string')) {
      throw context.error('DOCKERFILE_SYNTAX', 'a list in JSON form can hold strings only', span, {
        hint: 'put double quotes around every item',
      });
    }
    const places = [...text.matchAll(ITEM)];
    return value.map((item, i) => {
      const at = cursor.at + (places[i]?.index ?? 0);
      return { text: item, span: cursor.slice(at, at + (places[i]?.[0].length ?? 0)).span };
    });
  }
  if (LOOKS_LIKE_LIST[what].test(text) && !SHELL_TEST.test(text)) {
    const message = `this looks like a list but is not valid JSON, so it is taken as plain text: ${text.slice(0, 200)}`;
    context.warn({ rule: 'MalformedJsonForm', message, span, hint: hintFor(text) });
  }
  return undefined;
}

/** `[ -f x ] && …` and `[[ … ]]` are tests of the shell, `[a-z]*` is a wildcard. */
const LOOKS_LIKE_LIST = {
  command: /^\[(?:\s*["']|[^\s[])/,
  paths: /^\[(?:\s*["']|[^\s[\]]+,\s)/,
};

/** test(1) of something quoted: `[ "$a" = b ] && …`, `[ "$a" ] || …`. What has a comma before is a list that went wrong. */
const SHELL_TEST = /^\[\s+[^,\]]*\s(?:(?:[=!]?=|-[a-z]{1,2})\s|\]\s*(?:&&|\|\||;))/;

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function hintFor(text: string): string {
  const beforeComment = text.replace(/\]\s+#.*$/, ']');
  if (beforeComment !== text && parse(beforeComment) !== undefined)
    return 'a comment needs a line of its own';
  if (parse(`${text}]`) !== undefined || !text.includes(']')) return 'close the list with ]';
  return 'put double quotes around every item, commas between them, and nothing behind the ]';
}

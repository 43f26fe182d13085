const ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

/**
 * JSON text of a configuration, manifest or index: the same value gives the same bytes everywhere.
 *
 * - no white space and no newline at the end;
 * - members in the order in which they were put into their object: whoever writes an object decides (names
 *   that are whole numbers come first, ascending, as JavaScript has it); members that are `undefined` are left out;
 * - strings as Go's encoding/json (1.22 and later) writes them: `<`, `>`, `&`, U+2028 and U+2029 as `\u003c` etc.,
 *   a lone surrogate as U+FFFD.
 */
export function canonicalJson(value: object | string | number | boolean | null): string {
  return JSON.stringify(value)
    .replace(/[<>&\u2028\u2029]/g, (char) => ESCAPES[char] ?? char) // these stand only inside of strings
    .replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g, '$1\\ufffd'); // JSON.stringify escapes only lone ones
}

const SHORT: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

function escapeRune(char: string, quote: string): string {
  if (char === quote) return `\\${quote}`;
  const short = SHORT[char];
  if (short !== undefined) return short;
  if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) return char;
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x1_0000
    ? `\\u${code.toString(16).padStart(4, '0')}`
    : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Text as Go's `%q` prints it: history lines of BuildKit have this form. */
export function goQuote(text: string): string {
  return `"${Array.from(text, (char) => escapeRune(char, '"')).join('')}"`;
}

/** A list of texts as Go's `%q` prints it: `["a" "b"]`. */
export function goQuoteList(list: readonly string[] | undefined): string {
  return `[${(list ?? []).map(goQuote).join(' ')}]`;
}

/** A number as Go's `%q` prints it: the character of that code, `'\x03'`. What is none is U+FFFD. */
export function goQuoteRune(code: number): string {
  const isRune = code >= 0 && code <= 0x10_ffff && (code < 0xd800 || code > 0xdfff);
  return `'${escapeRune(String.fromCodePoint(isRune ? code : 0xfffd), "'")}'`;
}

import { expect, test } from 'vitest';
import { goQuote, goQuoteList, goQuoteRune } from './go-format.ts';

test.for([
  ['plain', 'a b', '"a b"'],
  ['quotes and backslashes', `a"b'c\\`, `"a\\"b'c\\\\"`],
  ['control characters', '\u0007\n\t\u0000\u007f', '"\\a\\n\\t\\x00\\x7f"'],
  ['letters stay', 'é日😀', '"é日😀"'],
  ['what cannot be printed does not', '\u00a0\u200b\u{e0001}', '"\\u00a0\\u200b\\U000e0001"'],
] as const)('text: %s', ([, text, want]) => {
  expect(goQuote(text)).toBe(want);
});

test('lists', () => {
  expect(goQuoteList(['/bin/sh', '-c', 'x "y"'])).toBe('["/bin/sh" "-c" "x \\"y\\""]');
  expect(goQuoteList([])).toBe('[]');
  expect(goQuoteList(undefined)).toBe('[]');
});

test.for([
  [0, "'\\x00'"],
  [3, "'\\x03'"],
  [10, "'\\n'"],
  [39, "'\\''"],
  [65, "'A'"],
  [0xd800, "'\ufffd'"],
] as const)('the number %d', ([code, want]) => {
  expect(goQuoteRune(code)).toBe(want);
});

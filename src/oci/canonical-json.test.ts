import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.ts';

describe('canonicalJson', () => {
  // The right column is what Go's json.Marshal writes.
  test.for([
    ['HTML characters', { a: '<b> & "c"' }, '{"a":"\\u003cb\\u003e \\u0026 \\"c\\""}'],
    ['HTML characters in a key', { 'a&b': 1 }, '{"a\\u0026b":1}'],
    ['line separators', ['\u2028\u2029'], '["\\u2028\\u2029"]'],
    ['control characters', ['\0\b\t\n\f\r\u001b\u007f'], '["\\u0000\\b\\t\\n\\f\\r\\u001b\u007f"]'],
    ['text beyond ASCII stays', ['é😀'], '["é😀"]'],
    ['a lone surrogate', ['a\ud800b\udc80'], '["a\\ufffdb\\ufffd"]'],
    ['a text that looks like an escape', ['\\ud800'], '["\\\\ud800"]'],
    ['a backslash before a lone surrogate', ['\\\ud800'], '["\\\\\\ufffd"]'],
    ['order of members', { b: 1, a: { d: 2, c: 3 } }, '{"b":1,"a":{"d":2,"c":3}}'],
    ['undefined members', { a: undefined, b: 1 }, '{"b":1}'],
    ['empty values', { a: {}, b: [], c: '', d: null, e: false }, '{"a":{},"b":[],"c":"","d":null,"e":false}'],
  ] as const)('%s', ([, value, want]) => {
    expect(canonicalJson(value)).toBe(want);
  });

  test('reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        expect(JSON.parse(canonicalJson(value as object))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

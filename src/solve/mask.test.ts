import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Mask } from './mask.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** What is shown of a text that comes in pieces. */
function shown(secrets: readonly string[], pieces: readonly string[]): string {
  const mask = new Mask(secrets.map(bytes));
  const out = [...pieces.map((piece) => mask.push(bytes(piece))), mask.end()];
  return Buffer.concat(out).toString('latin1');
}

describe('Mask', () => {
  test.for<[string, string[], string[], string]>([
    ['a secret', ['hunter22'], ['it is hunter22!'], 'it is ***!'],
    ['one without its line end', ['hunter22\n'], ['hunter22.'], '***.'],
    ['one cut in two', ['hunter22'], ['it is hunt', 'er22!'], 'it is ***!'],
    ['one cut into bytes', ['hunter22'], 'hunter22'.split(''), '***'],
    ['what only begins like one', ['hunter22'], ['hunt', 'ing'], 'hunting'],
    ['a beginning within a beginning', ['aaab'], ['aa', 'aaab'], 'aa***'],
    ['one at the very end, half', ['hunter22'], ['hunter2'], 'hunter2'],
    ['several', ['alpha', 'beta5'], ['alpha beta5 alpha'], '*** *** ***'],
    ['the longer of two', ['pass', 'password'], ['password'], '***'],
    [
      'each line of a long one',
      ['first-line\nsecond-line\n'],
      ['  first-line\n> second-line'],
      '  ***\n> ***',
    ],
    ['nothing for a value of three bytes', ['abc'], ['abc'], 'abc'],
    ['nothing without secrets', [], ['a', 'b'], 'ab'],
    ['bytes that are no text', ['\xff\x00\xfe\x01'], ['x\xff\x00', '\xfe\x01y'], 'x***y'],
    ['all of a line of 5000 bytes', ['0123456789'.repeat(500)], ['0123456789'.repeat(500)], '*'.repeat(15)],
  ])('%s', ([, secrets, pieces, want]) => {
    expect(shown(secrets, pieces)).toBe(want);
  });

  test('shows the same however the stream is cut, and never a secret', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 60 });
    const secret = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 6 });
    fc.assert(
      fc.property(text, fc.array(secret, { maxLength: 3 }), fc.array(fc.nat(60)), (whole, secrets, cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const pieces = at.slice(1).map((end, i) => whole.slice(at[i] ?? 0, end));
        const result = shown(secrets, pieces);
        expect(secrets.some((one) => result.includes(one))).toBe(false);
      }),
    );
  });
});

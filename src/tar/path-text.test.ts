import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePathText, encodePathText } from './path-text.ts';

describe('path text', () => {
  test.for([
    ['nothing', [], ''],
    ['ASCII', [0x61, 0x2f, 0x62], 'a/b'],
    ['UTF-8', [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80], 'é😀'],
    ['a byte order mark stays', [0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
    ['a real U+FFFD', [0xef, 0xbf, 0xbd], '\ufffd'],
    ['a real U+FFFD beside a bad byte', [0xef, 0xbf, 0xbd, 0xff], '\ufffd\udcff'],
    ['Latin-1', [0x61, 0xe9, 0x62], 'a\udce9b'],
    ['a continuation byte alone', [0x80], '\udc80'],
    ['cut off at the end', [0x61, 0xf0, 0x9f, 0x98], 'a\udcf0\udc9f\udc98'],
    ['overlong slash', [0xc0, 0xaf], '\udcc0\udcaf'],
    ['overlong in three bytes', [0xe0, 0x80, 0xaf], '\udce0\udc80\udcaf'],
    ['an encoded surrogate', [0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    ['a bad byte between good ones', [0xc3, 0xa9, 0xff, 0xc3, 0xa9], 'é\udcffé'],
  ] as const)('%s', ([, bytes, text]) => {
    expect(decodePathText(Uint8Array.from(bytes))).toBe(text);
    expect([...encodePathText(text)]).toEqual([...bytes]);
  });

  test('a surrogate that no byte makes is U+FFFD', () => {
    expect([...encodePathText('\ud800\udcff\ud800')]).toEqual([0xf0, 0x90, 0x83, 0xbf, 0xef, 0xbf, 0xbd]);
    expect([...encodePathText('\udc00')]).toEqual([0xef, 0xbf, 0xbd]);
  });

  test('every byte string comes back', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: 'binary' }).map((text) => new TextEncoder().encode(text)),
      fc.constantFrom(
        Uint8Array.of(0xed, 0xa0, 0x80),
        Uint8Array.of(0xef, 0xbf, 0xbd),
        Uint8Array.of(0xf0, 0x9f),
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const bytes = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
        expect(Buffer.compare(encodePathText(decodePathText(bytes)), bytes)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('every text without lone surrogates comes back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(decodePathText(encodePathText(text))).toBe(text);
      }),
    );
  });

  test('a view into a larger buffer is read within its bounds', () => {
    const whole = Uint8Array.of(0x61, 0xc3, 0xa9, 0x62);
    expect(decodePathText(whole.subarray(1, 3))).toBe('é');
    expect(decodePathText(whole.subarray(2, 4))).toBe('\udca9b');
  });
});

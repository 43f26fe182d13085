import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from './codes.ts';
import { LapidaryError, messageOf, printable, quoted } from './lapidary-error.ts';

describe('LapidaryError.render', () => {
  test('message, notes and hint, in this order', () => {
    const error = new LapidaryError('RUN_FAILED', 'the command failed with exit code 2', {
      hint: 'look above',
      notes: ['make: *** no rule', 'make: stop'],
    });
    expect(error.render()).toBe(
      [
        'error[RUN_FAILED]: the command failed with exit code 2',
        '  make: *** no rule',
        '  make: stop',
        '  hint: look above',
      ].join('\n'),
    );
  });

  test('control characters of all parts are escaped', () => {
    const error = new LapidaryError('USAGE', 'a\u001b[2Jb', { hint: 'c\rd', notes: ['e\u0007f'] });
    expect(error.render()).toBe('error[USAGE]: a\\u{1b}[2Jb\n  e\\u{7}f\n  hint: c\\u{d}d');
  });

  test('keeps its cause, and has none when none was given', () => {
    const cause = new Error('inner');
    expect(new LapidaryError('USAGE', 'x', { cause }).cause).toBe(cause);
    expect('cause' in new LapidaryError('USAGE', 'x')).toBe(false);
    expect(new LapidaryError('USAGE', 'x')).toBeInstanceOf(Error);
  });
});

describe('printable', () => {
  test.for([
    ['plain text', 'naïve 日本 😀', 'naïve 日本 😀'],
    ['tab and newline', 'a\tb\nc', 'a\tb\nc'],
    ['C0', '\0\b\u001f', '\\u{0}\\u{8}\\u{1f}'],
    ['DEL and C1', '\u007f\u009b', '\\u{7f}\\u{9b}'],
    ['bidirectional overrides', 'a\u202eb\u2066c\u200f', 'a\\u{202e}b\\u{2066}c\\u{200f}'],
    ['bytes that are not UTF-8', 'a\udcff', 'a\\u{dcff}'],
  ] as const)('%s', ([, text, want]) => {
    expect(printable(text)).toBe(want);
  });
});

describe('quoted', () => {
  test.for([
    ['quotes and escapes', 'a"b\n', '"a\\"b\\n"'],
    ['200 characters stay', 'x'.repeat(200), `"${'x'.repeat(200)}"`],
    ['more are cut', 'x'.repeat(201), `"${'x'.repeat(200)}…"`],
  ] as const)('%s', ([, text, want]) => {
    expect(quoted(text)).toBe(want);
  });
});

describe('messageOf', () => {
  test.for([
    ['an error', new Error('x'), 'x'],
    ['text', 'y', 'y'],
    ['nothing', undefined, 'undefined'],
  ] as const)('%s', ([, thrown, want]) => {
    expect(messageOf(thrown)).toBe(want);
  });
});

describe('ERROR_CODES', () => {
  test.for(Object.entries(ERROR_CODES))('%s is a name with a sentence', ([code, text]) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(text).toMatch(/^[A-Z].*\.$/);
  });
});

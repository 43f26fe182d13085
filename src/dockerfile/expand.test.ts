import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SourceError } from '../errors/index.ts';
import { expandHeredoc, expandWord, expandWords, type Lookup, variablesIn } from './expand.ts';

const site = { source: { name: 'Dockerfile', text: 'x' }, escape: '\\' };
const word = (text: string): { text: string; span: { start: number; end: number } } => ({
  text,
  span: { start: 0, end: 1 },
});
const lookupIn = (env: string): Lookup => {
  const pairs = env
    .split(' ')
    .flatMap((one) =>
      one.includes('=') ? [[one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]] : [],
    );
  const map = new Map(pairs as [string, string][]);
  return (name) => map.get(name);
};

const corpus = readFileSync(new URL('../../test/fixtures/words.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [input = '', env = '', want = ''] = line.split('|').map((field) => field.trim());
    return { input, env, want };
  });

/** What expansion came to: its text, or the message of the source error. Any other error goes through. */
function outcome(expand: () => string): string {
  try {
    return expand();
  } catch (error) {
    if (error instanceof SourceError) return `ERROR ${error.message}`;
    throw error;
  }
}

describe('the corpus of words', () => {
  test('is read', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(80);
  });
  test.for(corpus)('$input with $env', ({ input, env, want }) => {
    const got = outcome(() => expandWord(word(input), lookupIn(env), site));
    const isError = want.startsWith('ERROR ');
    expect(got.startsWith('ERROR ')).toBe(isError);
    expect(isError ? got.slice('ERROR '.length) : `=${got}`).toContain(
      isError ? want.slice('ERROR '.length) : `=${want}`,
    );
    expect(isError || got === want).toBe(true);
  });
});

test('the other escape character', () => {
  const windows = { ...site, escape: '`' };
  expect(expandWord(word('C:\\dir`$a'), () => '1', windows)).toBe('C:\\dir$a');
});

describe('splitting', () => {
  test.for<{ input: string; env?: string; want: string[] }>([
    { input: '$a', env: 'a=1', want: ['1'] },
    { input: '$unset', want: [] },
    { input: '"$unset"', want: [''] },
    { input: 'x y', want: ['x', 'y'] },
    { input: '"x y"', want: ['x y'] },
    { input: 'a$b', env: 'b=2', want: ['a2'] },
  ])('$input', ({ input, env = '', want }) => {
    expect(expandWords(word(input), lookupIn(env), site)).toEqual(want);
  });
  test('a value with spaces is several words only outside of quotes', () => {
    const lookup: Lookup = () => '80 443';
    expect(expandWords(word('$p'), lookup, site)).toEqual(['80', '443']);
    expect(expandWords(word('"$p"'), lookup, site)).toEqual(['80 443']);
    expect(expandWords(word('a${p}b'), lookup, site)).toEqual(['a80', '443b']);
  });
});

test('in a here-document quotes are characters', () => {
  const doc = {
    name: 'EOF',
    fd: 0,
    expand: true,
    chomp: false,
    span: { start: 0, end: 1 },
    body: `it's "$a" \\$a \\n\n`,
  };
  expect(expandHeredoc(doc, () => '1', site)).toBe(`it's "1" $a \\n\n`);
});

test('the names a word refers to', () => {
  expect(variablesIn(word('$a-${b:-$c}-$a'))).toEqual(['a', 'b', 'c']);
});

test('never throws anything but a source error, whatever the word', () => {
  const piece = fc.constantFrom(...'${}a:-+?#%/*"\\ '.split(''), "'", '${a:-', '${a//');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.string(), (pieces, value) => {
      expect(typeof outcome(() => expandWord(word(pieces.join('')), () => value, site))).toBe('string');
    }),
    { numRuns: 2000 },
  );
});

test.for<{ name: string; text: string }>([
  { name: 'deep nesting', text: '${a:-'.repeat(20_000) },
  { name: 'values that grow', text: '${a//x/$a}'.repeat(3) },
  { name: 'patterns that could backtrack', text: '${a##*x*x*x*x*x*x*y}' },
])('$name ends in bounded time', ({ text }) => {
  expect(outcome(() => expandWord(word(text), () => 'x'.repeat(3000), site)).length).toBeGreaterThan(0);
});

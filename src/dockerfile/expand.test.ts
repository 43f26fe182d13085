import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cpuMsOf } from '../../test/support/cpu-time.ts';
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
    { input: '"$unset"', want: [] },
    { input: 'x\\ y', want: ['x y'] },
    { input: ' x\ty ', want: ['x', 'y'] },
    { input: '', want: [] },
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

test('in a here-document quotes are characters, and a backslash goes from before any character', () => {
  const doc = {
    name: 'EOF',
    fd: 0,
    expand: true,
    chomp: false,
    span: { start: 0, end: 1 },
    body: `it's "$a" \\$a \\n \\\\ \${a:-'x'} <<x \\\n\n`,
  };
  const want = `it's "1" $a n \\ 1 <<x \n\n`;
  expect(expandHeredoc(doc, () => '1', site)).toBe(want);
  expect(expandHeredoc(doc, () => '1', { ...site, escape: '`' })).toBe(want);
});

test.for<{ name: string; text: string; want: string[] }>([
  { name: 'each once, nested ones too', text: '$a-${b:-$c}-$a', want: ['a', 'b', 'c'] },
  { name: 'not those that are quoted or escaped', text: `'$a' \\$b "$c" "\\$d"`, want: ['c'] },
  { name: 'behind a demand', text: '${a:?$b} $c', want: ['a', 'b', 'c'] },
  { name: 'in patterns', text: '${a#$b} ${c/$d/$e}', want: ['b', 'a', 'd', 'e', 'c'].toSorted() },
  { name: 'up to a fault', text: '$a ${', want: ['a'] },
])('the names a word refers to: $name', ({ text, want }) => {
  expect(variablesIn(word(text)).toSorted()).toEqual(want);
});

test('an error points at its variable inside of the word', () => {
  const text = 'COPY a-${b:?c} /';
  const source = { name: 'Dockerfile', text };
  const at = { text: 'a-${b:?c}', span: { start: 5, end: 14 } };
  expect(() => expandWord(at, () => undefined, { source, escape: '\\' })).toThrow(
    expect.objectContaining({ at: { source, span: { start: 7, end: 14 } } }),
  );
});

test('a name is read to its end, however long', () => {
  const name = 'n'.repeat(5000);
  expect(expandWord(word(`$${name}.`), (asked) => String(asked === name), site)).toBe('true.');
});

test('characters outside of the basic plane stay whole', () => {
  expect(expandWord(word('${a#?}|${a%?}|${a//?/x}'), () => '😀é', site)).toBe('é|😀|xx');
});

/** By trying every cut. */
function globFits(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern.startsWith('*')) {
    return Array.from({ length: text.length + 1 }).some((_, i) => globFits(pattern.slice(1), text.slice(i)));
  }
  return (
    text !== '' &&
    (pattern.startsWith('?') || pattern[0] === text[0]) &&
    globFits(pattern.slice(1), text.slice(1))
  );
}

test('what patterns remove is what trying every cut removes', () => {
  const letters = (chars: string, maxLength: number): fc.Arbitrary<string> =>
    fc.array(fc.constantFrom(...chars.split('')), { maxLength }).map((all) => all.join(''));
  fc.assert(
    fc.property(letters('ab*?', 5), letters('ab', 8), (pattern, value) => {
      const cuts = Array.from({ length: value.length + 1 }, (_, i) => i);
      const heads = cuts.filter((i) => globFits(pattern, value.slice(0, i)));
      const tails = cuts.filter((i) => globFits(pattern, value.slice(i)));
      const got = (form: string): string =>
        expandWord(word(`\${v${form}\${p}}`), (name) => (name === 'v' ? value : pattern), site);
      expect(got('#')).toBe(value.slice(heads.at(0) ?? 0));
      expect(got('##')).toBe(value.slice(heads.at(-1) ?? 0));
      expect(got('%')).toBe(value.slice(0, tails.at(-1)));
      expect(got('%%')).toBe(value.slice(0, tails.at(0)));
    }),
    { numRuns: 2000 },
  );
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
  { name: 'a star at every place', text: '${a//*y/z}' },
  { name: 'a long pattern', text: `\${a//${'x'.repeat(50_000)}y/z}` },
  { name: 'many patterns', text: '${a#y}'.repeat(50_000) },
  { name: 'a long word', text: `"${'$b '.repeat(300_000)}"` },
])('$name ends in bounded time', ({ text }) => {
  const value = 'x'.repeat(200_000);
  const spent = cpuMsOf(() => {
    const got = outcome(() => expandWord(word(text), (name) => (name === 'a' ? value : ''), site));
    expect(got.length).toBeGreaterThan(0);
  });
  expect(spent).toBeLessThan(2000);
});

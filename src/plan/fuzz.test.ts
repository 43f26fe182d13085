import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EXAMPLES } from './checks/examples.ts';
import { exercise, mutate, randomFrom } from './test-fuzz.ts';

const root = new URL('../../test/fixtures/dockerfile/', import.meta.url);
const seeds = [
  ...readdirSync(root).map((name) => readFileSync(new URL(`${name}/Dockerfile`, root), 'utf8')),
  ...Object.values(EXAMPLES).flatMap(({ bad, good }) => [...bad.map(({ text }) => text), ...good]),
];

test('2,000 changed Dockerfiles neither crash nor change their meaning when printed', () => {
  const random = randomFrom(1);
  const texts = Array.from({ length: 2000 }, () => mutate(seeds, random));
  expect(texts.flatMap((text) => failureOf(text) ?? [])).toEqual([]);
});

/** With the text that caused it. */
function failureOf(text: string): unknown {
  try {
    exercise(text);
    return undefined;
  } catch (error) {
    return { text, error };
  }
}

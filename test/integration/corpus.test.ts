import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsSandbox, readCases } from '../support/corpus/case.ts';
import { Corpus } from '../support/corpus/run-case.ts';

const cases = readCases();

let work: string;
let corpus: Corpus;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'lapidary-corpus-'));
  corpus = await Corpus.open(work);
});
afterAll(async () => {
  await corpus[Symbol.asyncDispose]();
  await rm(work, { recursive: true, force: true });
});

test('the corpus holds what it promises', () => {
  expect(cases.length).toBeGreaterThanOrEqual(300);
});

describe('the corpus of builds with RUN', () => {
  test.concurrent.for(cases.filter(needsSandbox).map((one) => [one.name, one] as const))(
    '%s',
    async ([, one]) => {
      const { found, expected } = await corpus.try(one);
      expect(found).toEqual(expected);
    },
  );
});

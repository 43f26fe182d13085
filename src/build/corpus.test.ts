import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { needsSandbox, readCases } from '../../test/support/corpus/case.ts';
import { Corpus } from '../../test/support/corpus/run-case.ts';

const cases = readCases();

// Far more than they take, for machines that are busy with other things
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

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

describe('the corpus of builds without RUN', () => {
  test.for(cases.filter((one) => !needsSandbox(one)).map((one) => [one.name, one] as const))(
    '%s',
    async ([, one]) => {
      const { found, expected } = await corpus.try(one);
      expect(found).toEqual(expected);
    },
  );
});

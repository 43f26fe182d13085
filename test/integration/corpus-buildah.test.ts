import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Buildah, comparable, knownDifference } from '../support/corpus/buildah.ts';
import { readCases } from '../support/corpus/case.ts';
import { Corpus } from '../support/corpus/run-case.ts';

/** Few, because each takes a second or two; `npm run test:peers` compares all. */
const FEW = new Set([
  'args/global-given',
  'chown/names',
  'config/cmd-in-base',
  'config/expose-list',
  'copy/file-into-existing-directory',
  'copy/wildcard',
  'ignore/exceptions',
  'onbuild/from-image',
  'run/changes',
  'run/user',
]);

const all = process.env['CORPUS_PEERS'] === 'all';
const cases = readCases().filter(
  (one) =>
    knownDifference(one) === undefined && (all ? one.expected.file === 'expected.txt' : FEW.has(one.name)),
);

let work: string;
let corpus: Corpus;
let buildah: Buildah;
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'lapidary-peers-'));
  corpus = await Corpus.open(work);
  buildah = await Buildah.open(work);
});
afterAll(async () => {
  await corpus[Symbol.asyncDispose]();
  await rm(work, { recursive: true, force: true });
});

test('there is something to compare', () => {
  expect(cases.length).toBeGreaterThanOrEqual(FEW.size);
});

describe('buildah makes the same of', () => {
  test.for(cases.map((one) => [one.name, one] as const))('%s', async ([, one]) => {
    expect(comparable(await buildah.build(one, join(work, 'store')))).toBe(comparable(one.expected.body));
  });
});

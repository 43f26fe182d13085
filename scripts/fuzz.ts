import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES } from '../src/plan/checks/examples.ts';
import { exercise, mutate, randomFrom } from '../src/plan/test-fuzz.ts';

/** `node scripts/fuzz.ts [CASES] [SEED]`: changed Dockerfiles through parser, printer, checks and plan. */
const [cases = 100_000, seed = 1] = process.argv.slice(2).map(Number);
const MAX_MS = 1000;

const root = join(import.meta.dirname, '../test/fixtures');
const seeds = [
  ...globSync('**/Dockerfile', { cwd: root }).map((path) => readFileSync(join(root, path), 'utf8')),
  ...Object.values(EXAMPLES).flatMap(({ bad, good }) => [...bad.map(({ text }) => text), ...good]),
];
const random = randomFrom(seed);
const started = performance.now();
let [slowest, failures] = [0, 0];
for (let i = 0; i < cases; i++) {
  const text = mutate(seeds, random);
  const begin = performance.now();
  try {
    exercise(text);
  } catch (error) {
    failures += 1;
    if (failures <= 10) console.error(`case ${i} of seed ${seed}: ${JSON.stringify(text)}\n`, error);
  }
  const ms = performance.now() - begin;
  if (ms > MAX_MS)
    console.error(`case ${i} of seed ${seed} took ${ms.toFixed()} ms: ${JSON.stringify(text)}`);
  slowest = Math.max(slowest, ms);
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${cases} cases in ${seconds} s, the slowest ${slowest.toFixed(1)} ms, ${failures} failures`);
process.exitCode = failures === 0 && slowest <= MAX_MS ? 0 : 1;

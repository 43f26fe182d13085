import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mountDisk, unmountDisk } from './harness/disk.ts';
import { assertTime, measureCase } from './harness/measure.ts';
import { type CaseResult, machine, toJson, toMarkdown, toText } from './harness/report.ts';
import { fresh, WORK } from './harness/shell.ts';
import { prepareBase } from './harness/tools.ts';
import { Unavailable, type Workload } from './harness/types.ts';
import { WORKLOADS } from './workloads/index.ts';

const RESULTS = join(import.meta.dirname, 'results');

const { values, positionals } = parseArgs({ options: { runs: { type: 'string' } }, allowPositionals: true });
const known = WORKLOADS.map(({ name }) => name);
const unknown = positionals.filter((name) => !known.includes(name));
const runs = values.runs === undefined ? undefined : Number(values.runs);
if (unknown.length > 0 || (runs !== undefined && !(Number.isInteger(runs) && runs > 0))) {
  console.error(`usage: npm run bench -- [--runs N] [NAME…]   with names of:\n  ${known.join('\n  ')}`);
  process.exitCode = 2;
} else {
  assertTime();
  mkdirSync(RESULTS, { recursive: true });
  const ownDisk = mountDisk();
  fresh(WORK);
  prepareBase();
  const chosen = WORKLOADS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  for (const workload of chosen)
    run(workload, ownDisk ? 'a new ext4 with a journal' : 'that of the checkout');
  unmountDisk();
}

function run(workload: Workload, filesystem: string): void {
  const start = performance.now();
  const results: CaseResult[] = [];
  try {
    const on = { ...machine(), filesystem };
    for (const each of workload.prepare()) {
      const result = { of: each, measured: measureCase(workload, each, runs ?? workload.runs) };
      console.log(toText(result));
      results.push(result);
    }
    writeFileSync(join(RESULTS, `${workload.name}.json`), toJson(workload, results, on));
    writeFileSync(join(RESULTS, `${workload.name}.md`), toMarkdown(workload, results, on));
    console.log(`${workload.name} took ${((performance.now() - start) / 1000).toFixed(0)} s in all\n`);
  } catch (error) {
    if (error instanceof Unavailable) console.log(`${workload.name}: left out: ${error.message}\n`);
    else {
      console.error(`${workload.name} failed:`, error);
      process.exitCode = 1;
    }
  } finally {
    workload.finish?.();
  }
}

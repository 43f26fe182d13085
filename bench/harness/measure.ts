import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { childrenCpuMs } from './cpu.ts';
import { assert, BENCH, sh, works } from './shell.ts';
import type { Case, Output, Side, Workload } from './types.ts';

const TIME = '/usr/bin/time';
const PEAK = join(import.meta.dirname, 'peak-memory.ts');

/** One run. CPU, user and system, as the kernel charges it to the process and all it has waited for. */
export type Sample = {
  readonly ms: number;
  readonly cpuMs: number;
  /** Largest resident set of any single process of the tree, or of all together where a side has a limit. */
  readonly peakMiB: number;
};

export type Measured = { readonly tool: string; readonly samples: readonly Sample[] };

/** A side sits out the rest when its runs add up to this; the fast sides of its case go on. */
const BUDGET_MS = 12_000;
/** A run this long counts, though it was to warm up: what a cold cache adds does not show in it. */
const NO_WARM_UP_MS = 4000;

type Progress = { readonly side: Side; readonly samples: Sample[] };

/** Runs the sides of a case in turn, round after round, so that what the machine does meanwhile hits all of them. */
export function measureCase(workload: Workload, { name, sides }: Case, runs: number): readonly Measured[] {
  const all = sides.map((side): Progress => ({ side, samples: [] }));
  for (let round = -workload.warmUps; round < runs; round++) {
    for (const each of all) {
      if (isDone(each, runs)) continue;
      const { sample, output } = runOnce(each.side);
      if (round >= 0 || sample.ms > NO_WARM_UP_MS) each.samples.push(sample);
      assertMemory(each.side, sample);
      if (isDone(each, runs)) checkSide(each.side, output, name);
    }
  }
  return all.map(({ side, samples }) => ({ tool: side.tool, samples }));
}

function isDone({ samples }: Progress, runs: number): boolean {
  const spent = samples.reduce((sum, { ms }) => sum + ms, 0);
  return samples.length >= runs || spent > BUDGET_MS;
}

function assertMemory({ tool, mostMiB = Number.POSITIVE_INFINITY }: Side, { peakMiB }: Sample): void {
  assert(peakMiB <= mostMiB, () => `${tool} took ${peakMiB.toFixed(0)} MiB of memory, more than ${mostMiB}`);
}

function checkSide(side: Side, output: Output, name: string): void {
  try {
    side.check(output);
  } catch (error) {
    throw new Error(`${name}: the result of ${side.tool} is not right`, { cause: error });
  }
}

function runOnce({ before, command, mostMiB }: Side): { readonly sample: Sample; readonly output: Output } {
  if (before !== undefined) {
    before();
    // What `before` and earlier runs have written is not to be written out during this run.
    sh(['sync']);
  }
  const report = join(BENCH, 'time.txt');
  rmSync(report, { force: true });
  const cpuBefore = childrenCpuMs();
  const start = performance.now();
  const meter =
    mostMiB === undefined ? [TIME, '-q', '-o', report, '-f', '%M'] : [process.execPath, PEAK, report];
  const output = sh([...meter, ...command], { cwd: BENCH });
  const ms = performance.now() - start;
  const cpuMs = childrenCpuMs() - cpuBefore;
  const peakKiB = Number(readFileSync(report, 'utf8'));
  assert(peakKiB > 0, () => 'no memory was reported');
  return { sample: { ms, cpuMs, peakMiB: peakKiB / 1024 }, output };
}

export function assertTime(): void {
  assert(
    works([TIME, '-f', '%M', 'true']),
    () => `${TIME} is missing: sh scripts/setup.sh bench installs it`,
  );
}

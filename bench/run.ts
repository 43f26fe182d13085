import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const RESULTS = join(import.meta.dirname, 'results');
const STORE = join(ROOT, '.lapidary-demo');
const WARM_UPS = 3;

type Workload = {
  /** What is measured, for whoever reads the result. */
  readonly about: string;
  readonly runs: number;
  /** Makes sure that what is measured is what `about` says. */
  readonly prepare: () => void;
  readonly command: readonly string[];
};

const CACHED_DEMO = ['build', '-q', '-t', 'hello', 'examples/hello'];
const WORKLOADS: Readonly<Record<string, Workload>> = {
  'cached-demo': {
    about:
      'lapidary build of examples/hello with nothing changed: from the start of the process to its end, 7 steps, all from the cache, tag moved',
    runs: 31,
    prepare: prepareDemo,
    command: CACHED_DEMO,
  },
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in WORKLOADS));
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: npm run bench -- NAME…   with names of: ${Object.keys(WORKLOADS).join(', ')}`);
  process.exitCode = 2;
} else {
  await mkdir(RESULTS, { recursive: true });
  for (const name of names) await measure(name);
}

async function measure(name: string): Promise<void> {
  const workload = WORKLOADS[name];
  if (workload === undefined) throw new Error(`no workload ${name}`);
  workload.prepare();
  const times: number[] = [];
  for (let run = -WARM_UPS; run < workload.runs; run++) {
    const start = performance.now();
    lapidary(workload.command);
    const ms = performance.now() - start;
    if (run >= 0) times.push(ms);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const result = {
    workload: name,
    about: workload.about,
    date: new Date().toISOString(),
    runs: times.length,
    medianMs: round(median),
    minMs: round(sorted[0] ?? 0),
    maxMs: round(sorted.at(-1) ?? 0),
    machine: await machine(),
    timesMs: times.map(round),
  };
  await writeFile(join(RESULTS, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
  console.log(`${name}: median ${result.medianMs} ms, min ${result.minMs} ms, ${result.runs} runs`);
}

function prepareDemo(): void {
  if (!existsSync(join(ROOT, 'dist/lapidary.js'))) {
    throw new Error('there is no dist/ to measure: run `npm run build`');
  }
  if (!existsSync(STORE)) throw new Error('there are no base images: run `npm run demo` once');
  lapidary(CACHED_DEMO);
  const { stderr } = lapidary(['build', '--progress', 'rawjson', '-t', 'hello', 'examples/hello']);
  const results = [...stderr.matchAll(/"type":"step-end".*?"result":"(\w+)"/g)].map(([, result]) => result);
  if (results.length === 0 || results.some((result) => result !== 'hit')) {
    throw new Error(`not fully cached: ${results.join(', ')}`);
  }
}

function lapidary(args: readonly string[]): { readonly stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'bin/lapidary.js'), ...args], {
    cwd: ROOT,
    env: { ...process.env, LAPIDARY_STORE: STORE },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`lapidary ${args.join(' ')} ended with exit code ${status}\n${stderr}`);
  return { stderr };
}

/** What the numbers depend on. */
async function machine(): Promise<object> {
  const [cpu] = cpus();
  const load = (await readFile('/proc/loadavg', 'utf8')).split(' ').slice(0, 3).join(' ');
  const revision = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: ROOT, encoding: 'utf8' });
  return {
    cpu: cpu?.model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    loadBefore: load,
    revision: revision.trim(),
  };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}

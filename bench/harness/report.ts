import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { Measured } from './measure.ts';
import { sh, works } from './shell.ts';
import { dockerAnswers, storageDriver } from './tools.ts';
import type { Case, Workload } from './types.ts';

export type CaseResult = { readonly of: Case; readonly measured: readonly Measured[] };
export type Machine = Readonly<Record<string, string | number>>;

/** What the numbers depend on. */
export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    revision: sh(['git', 'describe', '--always', '--dirty']).stdout.trim(),
    loadBefore: readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' '),
    buildah: `${version(['buildah', '--version'])}, driver ${storageDriver()}, isolation chroot`,
    skopeo: version(['skopeo', '--version']),
    umoci: version(['umoci', '--version']),
    tar: version(['tar', '--version']),
    docker: dockerAnswers() ? version(['docker', '--version']) : 'no daemon answers',
  };
}

function version(command: readonly string[]): string {
  if (!works(command)) return 'not installed';
  return /\d+\.\d+[\w.+-]*/.exec(sh(command).stdout)?.[0] ?? 'unknown';
}

type Row = {
  readonly tool: string;
  readonly runs: number;
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Median of lapidary, the first side, divided by the median of this one: above 1, lapidary is slower. */
  readonly lapidaryIs: number;
  readonly cpuMs: number;
  readonly peakMiB: number;
  readonly timesMs: readonly number[];
};

function rows({ measured }: CaseResult): readonly Row[] {
  const first = median((measured[0]?.samples ?? []).map(({ ms }) => ms));
  return measured.map(({ tool, samples }) => {
    const times = samples.map(({ ms }) => ms);
    return {
      tool,
      runs: samples.length,
      medianMs: round(median(times)),
      minMs: round(Math.min(...times)),
      maxMs: round(Math.max(...times)),
      lapidaryIs: Math.round((first / median(times)) * 100) / 100,
      cpuMs: round(samples.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / samples.length),
      peakMiB: round(median(samples.map(({ peakMiB }) => peakMiB))),
      timesMs: times.map(round),
    };
  });
}

export function toJson(workload: Workload, results: readonly CaseResult[], on: Machine): string {
  const { name, about } = workload;
  const cases = results.map((result) => ({
    name: result.of.name,
    about: result.of.about,
    sides: rows(result).map((row) => row),
  }));
  return `${JSON.stringify({ workload: name, about, date: new Date().toISOString(), machine: on, cases }, null, 2)}\n`;
}

/** The tables of a workload, a line per side. */
export function toMarkdown(workload: Workload, results: readonly CaseResult[], on: Machine): string {
  const lines = [`# ${workload.name}`, '', `${workload.about}.`];
  for (const result of results) {
    lines.push('', `## ${result.of.name}`, '', `${result.of.about}.`, '');
    lines.push('| tool | median | min to max | runs | lapidary/this | CPU (mean) | peak memory |');
    lines.push('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
    for (const row of rows(result)) {
      lines.push(
        `| ${row.tool} | ${time(row.medianMs)} | ${time(row.minMs)} to ${time(row.maxMs)} | ${row.runs} | ` +
          `${row.lapidaryIs.toFixed(2)} | ${time(row.cpuMs)} | ${Math.round(row.peakMiB)} MiB |`,
      );
    }
  }
  const described = Object.entries(on).map(([name, value]) => `- ${name}: ${value}`);
  return [...lines, '', `Machine, ${new Date().toISOString().slice(0, 10)}:`, '', ...described, ''].join(
    '\n',
  );
}

/** Lines for a terminal. */
export function toText(result: CaseResult): string {
  const lines = rows(result).map(
    (row) =>
      `  ${row.tool.padEnd(36)} ${time(row.medianMs).padStart(9)}  x${row.lapidaryIs.toFixed(2).padEnd(6)} ` +
      `cpu ${time(row.cpuMs).padStart(9)}  ${Math.round(row.peakMiB)} MiB`,
  );
  return [result.of.name, ...lines].join('\n');
}

function time(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(ms < 100 ? 1 : 0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { CgroupLimits, SandboxSettings } from './settings.ts';

/** Microseconds in which a share of the processors is given: docker's, for `--cpus`. */
const PERIOD = 100_000;
const ROOT = '/sys/fs/cgroup';

/** Which file of which controller holds what. */
type Line = { readonly controller: string; readonly file: string; readonly value: string };

/** cgroups(7), version 2: Documentation/admin-guide/cgroup-v2.rst. */
export function unifiedLines({ memory, memorySwap, cpus, cpuShares, ...sets }: CgroupLimits): Line[] {
  const lines: (Line | undefined)[] = [
    memory === undefined ? undefined : { controller: 'memory', file: 'memory.max', value: String(memory) },
    // Swap alone here, both together in docker's flag
    memory === undefined || memorySwap === undefined
      ? undefined
      : {
          controller: 'memory',
          file: 'memory.swap.max',
          value: memorySwap === -1 ? 'max' : String(memorySwap - memory),
        },
    cpus === undefined
      ? undefined
      : { controller: 'cpu', file: 'cpu.max', value: `${Math.round(cpus * PERIOD)} ${PERIOD}` },
    cpuShares === undefined
      ? undefined
      : { controller: 'cpu', file: 'cpu.weight', value: String(weightOf(cpuShares)) },
    ...setLines(sets),
  ];
  return lines.filter((line) => line !== undefined);
}

/** The older version, a hierarchy per controller: Documentation/admin-guide/cgroup-v1. */
export function separateLines({ memory, memorySwap, cpus, cpuShares, ...sets }: CgroupLimits): Line[] {
  const lines: (Line | undefined)[] = [
    // Processors of a new group are none until they are said
    ...setLines(sets),
    memory === undefined
      ? undefined
      : { controller: 'memory', file: 'memory.limit_in_bytes', value: String(memory) },
    memorySwap === undefined
      ? undefined
      : { controller: 'memory', file: 'memory.memsw.limit_in_bytes', value: String(memorySwap) },
    cpus === undefined ? undefined : cpuLine('cpu.cfs_period_us', PERIOD),
    cpus === undefined ? undefined : cpuLine('cpu.cfs_quota_us', Math.round(cpus * PERIOD)),
    cpuShares === undefined ? undefined : cpuLine('cpu.shares', cpuShares),
  ];
  return lines.filter((line) => line !== undefined);
}

function cpuLine(file: string, value: number): Line {
  return { controller: 'cpu', file, value: String(value) };
}

function setLines({ cpusetCpus, cpusetMems }: CgroupLimits): Line[] {
  const values = [
    ['cpuset.cpus', cpusetCpus],
    ['cpuset.mems', cpusetMems],
  ] as const;
  return values.flatMap(([file, value]) =>
    value === undefined ? [] : [{ controller: 'cpuset', file, value }],
  );
}

/** As runc converts them: 2..262144 to 1..10000. */
function weightOf(shares: number): number {
  return Math.min(10_000, Math.max(1, Math.round(1 + ((shares - 2) * 9999) / 262_142)));
}

/**
 * The cgroup of a build's steps, one directory per hierarchy. It is removed when this is disposed, or when this process is
 * gone in any other way: a small process beside it waits for that.
 */
export class StepCgroup implements AsyncDisposable {
  /** Files that take the processes that are to be in it. */
  readonly entrances: readonly string[];
  readonly #watcher: ChildProcess;

  private constructor(directories: readonly string[]) {
    this.entrances = directories.map((directory) => `${directory}/cgroup.procs`);
    this.#watcher = watch(directories);
  }

  /** `undefined` when nothing is asked for. @throws LapidaryError LIMIT_FAILED when it cannot be enforced */
  static open({ limits = {}, cgroupParent }: SandboxSettings): StepCgroup | undefined {
    if (Object.keys(limits).length === 0 && cgroupParent === undefined) return undefined;
    const made: string[] = [];
    try {
      if (isUnified()) openUnified(limits, { parent: cgroupParent, made });
      else openSeparate(limits, { parent: cgroupParent, made });
      return new StepCgroup(made);
    } catch (cause) {
      for (const directory of made) removeQuietly(directory);
      if (cause instanceof LapidaryError) throw cause;
      throw failed(messageOf(cause), cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#watcher.exitCode !== null || this.#watcher.signalCode !== null) return;
    // Where nothing else is left to do this process would end here
    this.#watcher.ref();
    const gone = once(this.#watcher, 'exit');
    this.#watcher.stdin?.end();
    await gone;
  }
}

function failed(why: string, cause?: unknown): LapidaryError {
  return new LapidaryError('LIMIT_FAILED', `a limit that was asked for cannot be enforced: ${why}`, {
    hint: 'without root a cgroup must be delegated: systemd-run --user --scope -p Delegate=yes lapidary build …; or leave the limit out',
    cause,
  });
}

function isUnified(): boolean {
  try {
    readFileSync(`${ROOT}/cgroup.controllers`);
    return true;
  } catch {
    return false;
  }
}

type Place = { readonly parent: string | undefined; readonly made: string[] };

const nameOfGroup = (): string => `lapidary-${process.pid}-${process.hrtime.bigint().toString(36)}`;

function openUnified(limits: CgroupLimits, { parent, made }: Place): void {
  const base = parent === undefined ? ownGroup() : inside(ROOT, parent);
  const lines = unifiedLines(limits);
  mkdirSync(base, { recursive: true });
  enable(base, [...new Set(lines.map(({ controller }) => controller))], made);
  const directory = `${base}/${nameOfGroup()}`;
  mkdirSync(directory);
  made.push(directory);
  for (const { file, value } of lines) writeFileSync(`${directory}/${file}`, value);
}

/** Root of the machine may use the root of the hierarchy, where processes and controllers go together. */
function ownGroup(): string {
  if (process.getuid?.() === 0) return ROOT;
  const [, path = '/'] = /^0::(\/.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8')) ?? [];
  return inside(ROOT, path);
}

/** Gives controllers to the children of a group; its own processes must move into one of them first. */
function enable(base: string, controllers: readonly string[], made: string[]): void {
  const file = `${base}/cgroup.subtree_control`;
  const enabled = readFileSync(file, 'utf8').trim().split(' ');
  const missing = controllers.filter((name) => !enabled.includes(name));
  if (missing.length === 0) return;
  const text = missing.map((name) => `+${name}`).join(' ');
  try {
    writeFileSync(file, text);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    const leaf = `${base}/lapidary-others`;
    mkdirSync(leaf, { recursive: true });
    made.unshift(leaf);
    for (const pid of readFileSync(`${base}/cgroup.procs`, 'utf8').trim().split('\n'))
      writeFileSync(`${leaf}/cgroup.procs`, pid);
    writeFileSync(file, text);
  }
}

function openSeparate(limits: CgroupLimits, { parent, made }: Place): void {
  const lines = separateLines(limits);
  const controllers = [...new Set(lines.map(({ controller }) => controller))];
  const name = nameOfGroup();
  for (const controller of parent === undefined
    ? controllers
    : [...new Set([...controllers, 'memory', 'cpu'])]) {
    const base = inside(`${ROOT}/${controller}`, parent ?? '/');
    const directory = `${base}/${name}`;
    mkdirSync(directory, { recursive: true });
    made.push(directory);
    if (controller === 'cpuset') inheritSets(base, directory);
    for (const line of lines) {
      if (line.controller === controller) writeFileSync(`${directory}/${line.file}`, line.value);
    }
  }
}

/** A new group has no processors and no memory, and takes no process until it has. */
function inheritSets(base: string, directory: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    writeFileSync(`${directory}/${file}`, readFileSync(`${base}/${file}`));
}

/** @throws LapidaryError USAGE for a way out */
function inside(root: string, path: string): string {
  const names = path.split('/').filter(Boolean);
  if (names.includes('..') || path.includes('\0'))
    throw new LapidaryError('USAGE', `--cgroup-parent leads out of the hierarchy: ${quoted(path)}`);
  return [root, ...names].join('/');
}

/** Outlives this process by as long as it takes to remove what is there. */
function watch(directories: readonly string[]): ChildProcess {
  const script = `trap '' INT TERM HUP; read -r _; i=0
while [ $i -lt 100 ]; do
  left=0; for d in "$@"; do rmdir "$d" 2>/dev/null || [ ! -d "$d" ] || left=1; done
  [ $left = 0 ] && exit; i=$((i+1)); sleep 0.1
done`;
  const child = spawn('/bin/sh', ['-c', script, 'lapidary-cgroup', ...directories], {
    detached: true,
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.unref();
  (child.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return child;
}

function removeQuietly(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Not made, or used by somebody else
  }
}

import { readdir, readFile } from 'node:fs/promises';
import koffi from 'koffi';
import type { Workspace } from './cli.ts';

/** What a build may change while it runs, and must have left as it was when it has ended in whatever way. */
export type MachineState = {
  /** Lines of this process's mountinfo, all of them. */
  readonly mounts: readonly string[];
  /** Mounts of other processes, in other namespaces, that name the workspace. */
  readonly elsewhere: readonly string[];
  /** The machine's instance of binfmt_misc: file → what it says. */
  readonly binfmt: Readonly<Record<string, string>>;
  /** Every directory of every hierarchy. */
  readonly cgroups: readonly string[];
  /** Processes that this one has started, or that those have, orphans too: ID and command line. */
  readonly processes: readonly string[];
  /** What the workspace's store has of unfinished work. */
  readonly work: readonly string[];
  /** Files below the workspace's directory for temporary ones. */
  readonly temporary: readonly string[];
};

const SUBREAPER = 36;
const WAIT_MS = 10_000;

/**
 * From now on what this process's children leave behind becomes a child of it, and not of process 1: network helpers that
 * go into the background, too. Source: PR_SET_CHILD_SUBREAPER(2const).
 */
export function adoptOrphans(): void {
  const prctl = koffi
    .load('libc.so.6')
    .func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  if (prctl(SUBREAPER, 1, 0, 0, 0) !== 0) throw new Error('PR_SET_CHILD_SUBREAPER failed');
}

/** Where builds get their `$TMPDIR`, for `temporary`. */
export const temporaryOf = (work: Workspace): string => work.path('tmp');

export async function machineState(work: Workspace): Promise<MachineState> {
  const processes = await readProcesses();
  return {
    mounts: lines(await read('/proc/self/mountinfo')),
    elsewhere: await mountsElsewhere(processes, work.dir),
    binfmt: await binfmtState(),
    cgroups: await listed('/sys/fs/cgroup'),
    processes: descendants(processes).map(({ pid, command }) => `${pid} ${command}`),
    work: [...(await listed(`${work.store}/work`)), ...(await listed(`${work.store}/discarded`))],
    temporary: await listed(temporaryOf(work)),
  };
}

/**
 * The state once it is like `before`, or what it still is some seconds later: who is killed needs a moment. What is in
 * `except` is taken to be as before.
 */
export async function settledState(
  before: MachineState,
  work: Workspace,
  except: Partial<MachineState> = {},
): Promise<MachineState> {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const state = { ...(await machineState(work)), ...except };
    if (JSON.stringify(state) === JSON.stringify(before) || Date.now() > deadline) return state;
    await new Promise((resume) => setTimeout(resume, 20));
  }
}

export async function binfmtState(
  directory = '/proc/sys/fs/binfmt_misc',
): Promise<Readonly<Record<string, string>>> {
  const names = (await namesIn(directory)).filter((name) => name !== 'register');
  const texts = await Promise.all(names.map((name) => read(`${directory}/${name}`)));
  return Object.fromEntries(names.map((name, i) => [name, texts[i] ?? '']));
}

type Process = { readonly pid: number; readonly parent: number; readonly command: string };

/** Those that run; one that ended and that nobody has asked about is none. */
async function readProcesses(): Promise<Process[]> {
  const pids = (await namesIn('/proc')).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => {
      const stat = await read(`/proc/${pid}/stat`);
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = (await read(`/proc/${pid}/cmdline`)).replaceAll('\0', ' ');
      return { pid: Number(pid), parent: Number(parent), command, runs: stat !== '' && state !== 'Z' };
    }),
  );
  return all.filter(({ runs }) => runs);
}

function descendants(all: readonly Process[], of: number = process.pid): Process[] {
  return all.filter(({ parent }) => parent === of).flatMap((one) => [one, ...descendants(all, one.pid)]);
}

async function mountsElsewhere(processes: readonly Process[], text: string): Promise<string[]> {
  const own = new Set(lines(await read('/proc/self/mountinfo')));
  const all = await Promise.all(processes.map(({ pid }) => read(`/proc/${pid}/mountinfo`)));
  const found = new Set(all.flatMap(lines).filter((line) => line.includes(text) && !own.has(line)));
  return [...found].sort();
}

/** Every path below a directory, as far as it may be read; of cgroups only the directories, whose files are given. */
async function listed(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const kept = directory.startsWith('/sys/') ? entries.filter((entry) => entry.isDirectory()) : entries;
  const paths = kept.map(async (entry) => {
    const path = `${directory}/${entry.name}`;
    return entry.isDirectory() ? [path, ...(await listed(path))] : [path];
  });
  return (await Promise.all(paths)).flat().sort();
}

const namesIn = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);
/** Empty when it ended while we looked. */
const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const lines = (text: string): string[] => text.split('\n').filter(Boolean);

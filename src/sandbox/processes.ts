import { readdirSync, readFileSync } from 'node:fs';

/** Every process of this PID namespace with its parent. Those that end while it is read are left out. */
export function listProcesses(): ReadonlyMap<number, number> {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentProcess(name);
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  return parents;
}

/** proc_pid_stat(5): the fourth field, counted from the last parenthesis as names may hold anything. */
function parentProcess(pid: string): number | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** All processes below one, itself not among them. */
export function descendantsOf(root: number, parents: ReadonlyMap<number, number>): number[] {
  const below = new Set([root]);
  for (let size = 0; size !== below.size; ) {
    size = below.size;
    for (const [pid, parent] of parents) if (below.has(parent)) below.add(pid);
  }
  below.delete(root);
  return [...below];
}

/** Sends a signal to a process that may have ended already. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended: nothing is left to be told.
  }
}

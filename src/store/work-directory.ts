import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { discardTree } from './remove-tree.ts';
import { isMissing } from './store-error.ts';

type Removal = (path: string) => void;
export type WorkDirectory = { readonly path: string; remove(): void };

const HOUR_MS = 3_600_000;
/** An owner whose process cannot be looked for from here is taken for dead when it was silent for so long. */
const SILENT_MS = 24 * HOUR_MS;

/**
 * A scratch directory for this process: `<pid>-<start time>-<where>-<n>`, so that nobody takes a living owner's for
 * left behind. What dead owners left is removed on the way, or put into `discarded`; `salvage` may take something out of
 * a directory before it goes, this one's too.
 */
export function workDirectory(
  parent: string,
  options: { readonly discarded: string; readonly salvage?: (path: string) => void },
): WorkDirectory {
  const { discarded, salvage = () => undefined } = options;
  const gone: Removal = (path) => {
    salvage(path);
    discardTree(path, discarded);
  };
  const prefix = `${process.pid}-${startTime(process.pid) ?? 0}-${processSpace()}`;
  for (let n = 0; ; n++) {
    const path = join(parent, `${prefix}-${n}`);
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    removeAbandoned(parent, gone);
    return kept(path, gone);
  }
}

/** Shows a sign of life now and then. */
function kept(path: string, gone: Removal): WorkDirectory {
  const touch = (): void => {
    try {
      utimesSync(path, new Date(), new Date());
    } catch {
      // It is gone: whoever removed it had a reason, and whatever needs it says so
    }
  };
  const timer = setInterval(touch, HOUR_MS).unref();
  return {
    path,
    remove() {
      clearInterval(timer);
      if (existsSync(path)) gone(path);
    },
  };
}

function removeAbandoned(parent: string, gone: Removal): void {
  for (const name of readdirSync(parent)) {
    try {
      if (isAbandoned(parent, name)) gone(join(parent, name));
    } catch {
      // Somebody else removes it at this moment, or it belongs to another user: it can wait
    }
  }
}

function isAbandoned(parent: string, name: string): boolean {
  const [, pid, start, space] = /^(\d+)-(\d+)-([0-9a-z]+)-\d+$/.exec(name) ?? [];
  if (pid === undefined) return false;
  if (space === processSpace()) return !isAlive(Number(pid), Number(start));
  return Date.now() - statSync(join(parent, name)).mtimeMs > SILENT_MS;
}

function isAlive(pid: number, start: number): boolean {
  if (start !== 0) return startTime(pid) === start;
  // Without /proc nothing tells a process from a later one with its number: then it stays too long, at worst
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Names where process IDs mean the same as here: this boot of this machine, and this PID namespace. Containers that
 * share a store do not see each other's processes.
 */
function processSpace(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
    return `${boot}${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? ''}`;
  } catch {
    return '0';
  }
}

/** When a living process started, in clock ticks since boot; `undefined` when there is no such process. */
function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name and may hold anything; the last `)` ends it
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch (error) {
    if (isMissing(error) || (error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
    throw error;
  }
}

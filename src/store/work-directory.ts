import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isMissing } from './store-error.ts';

export type WorkDirectory = { readonly path: string; remove(): void };

/**
 * A scratch directory for this process: `<pid>-<start time>-<n>`, so that nobody takes a living owner's for left
 * behind. What dead owners left is removed on the way.
 */
export function workDirectory(parent: string): WorkDirectory {
  const prefix = `${process.pid}-${startTime(process.pid) ?? 0}`;
  for (let n = 0; ; n++) {
    const path = join(parent, `${prefix}-${n}`);
    try {
      mkdirSync(path, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw error;
    }
    removeAbandoned(parent);
    return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
  }
}

function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const [, pid, start] = /^(\d+)-(\d+)-\d+$/.exec(name) ?? [];
    if (pid === undefined || startTime(Number(pid)) === Number(start)) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // Somebody else removes it at this moment, or it belongs to another user: it can wait
    }
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

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { LapidaryError, messageOf } from '../errors/index.ts';
import { type IdMaps, mapLines } from './id-maps.ts';
import type { Isolation } from './isolation.ts';
import { requireProgram } from './programs.ts';

/**
 * mallopt(3): glibc would give freed buffers back to the kernel and fetch them again for the next piece of a layer, which
 * costs a page fault for each 4 KiB. Other C libraries ignore it.
 */
const KEEP_FREED_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: String(256 << 20),
  MALLOC_TRIM_THRESHOLD_: String(256 << 20),
} as const;

const NAMESPACES = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child=KILL'];

/**
 * Waits in the new user namespace until its IDs are mapped. What it executes then is started by root of the namespace,
 * and gets every capability in it.
 */
const WAIT_FOR_IDS = 'echo >&4; read -r _ <&4 && exec 4>&- "$@"';

export type TreeOptions = {
  readonly searchPath: string;
  readonly script: string;
  readonly stdio: 'inherit' | 'none';
  readonly isolation: Isolation;
};

/**
 * setpriv(1) lets the tree die with this process, unshare(1) makes the namespaces and dies with its child; its child
 * is process 1 of the PID namespace, with whose end the kernel kills everything in it. Descriptor 3 is the control pipe.
 * @throws LapidaryError RUNTIME_MISSING
 */
export function spawnTree({ searchPath, script, stdio, isolation }: TreeOptions): ChildProcess {
  const hint = 'install it: apt-get install util-linux';
  const setpriv = requireProgram('setpriv', { searchPath, hint });
  const unshare = requireProgram('unshare', { searchPath, hint });
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', script];
  const command = [
    unshare,
    ...userFlags(isolation),
    ...NAMESPACES,
    '--mount-proc',
    ...waiting(isolation, node),
  ];
  const streams =
    stdio === 'inherit'
      ? (['inherit', 'inherit', 'inherit'] as const)
      : (['ignore', 'ignore', 'pipe'] as const);
  return spawn(setpriv, ['--pdeathsig', 'KILL', ...command], {
    // Out of the terminal's foreground group: a Ctrl-C reaches the main process alone.
    detached: true,
    env: { PATH: searchPath, ...KEEP_FREED_MEMORY, ...compileCache() },
    cwd: '/',
    stdio: [...streams, 'pipe', ...(mapsToWrite(isolation) === undefined ? [] : (['pipe'] as const))],
  });
}

/**
 * The sandbox keeps its compiled code beside that of this process, if that keeps any. Not in the same place: V8 refuses what was
 * compiled with other flags, and each would undo what the other has done.
 */
function compileCache(): NodeJS.ProcessEnv {
  const directory = getCompileCacheDir();
  // Below the name that Node has for its version
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: `${dirname(directory)}/sandbox` };
}

function userFlags(isolation: Isolation): string[] {
  if (isolation.type === 'root') return [];
  return isolation.maps.how.type === 'single' ? ['--user', '--map-root-user'] : ['--user'];
}

/** unshare(1) maps a single ID itself. */
function mapsToWrite(isolation: Isolation): IdMaps | undefined {
  return isolation.type === 'root' || isolation.maps.how.type === 'single' ? undefined : isolation.maps;
}

function waiting(isolation: Isolation, command: readonly string[]): string[] {
  return mapsToWrite(isolation) === undefined
    ? [...command]
    : ['/bin/sh', '-c', WAIT_FOR_IDS, 'sh', ...command];
}

/** Maps the IDs of the tree's user namespace as soon as it has one. @throws LapidaryError PERMISSION */
export async function mapIds(child: ChildProcess, isolation: Isolation): Promise<void> {
  const maps = mapsToWrite(isolation);
  const { pid } = child;
  if (maps === undefined || pid === undefined) return;
  const gate = child.stdio[4] as Socket;
  gate.on('error', () => gate.destroy());
  await Promise.race([once(gate, 'data'), once(gate, 'close')]);
  if (gate.destroyed) return;
  try {
    await writeMaps(pid, maps);
  } finally {
    // What was written stays readable, and an open end would keep this process from ending
    gate.end('\n', () => gate.destroy());
  }
}

/** Maps the IDs of a process that is in a new user namespace. @throws LapidaryError PERMISSION */
export async function writeMaps(pid: number, { uids, gids, how }: IdMaps): Promise<void> {
  if (how.type === 'single') return;
  if (how.type === 'direct') {
    writeFileSync(`/proc/${pid}/uid_map`, mapLines(uids).join('\n'));
    writeFileSync(`/proc/${pid}/gid_map`, mapLines(gids).join('\n'));
    return;
  }
  await askProgram(how.newuidmap, [String(pid), ...numbers(uids)]);
  await askProgram(how.newgidmap, [String(pid), ...numbers(gids)]);
}

function numbers(map: IdMaps['uids']): string[] {
  return mapLines(map).flatMap((line) => line.split(' '));
}

async function askProgram(path: string, args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(path, [...args], { env: {} });
  } catch (cause) {
    const said = (cause as { stderr?: string }).stderr?.trim() || messageOf(cause);
    throw new LapidaryError('PERMISSION', `${path} does not map the user IDs of a step: ${said}`, {
      hint: 'it must be set-user-ID root, and allow what /etc/subuid and /etc/subgid say: apt-get install --reinstall uidmap',
      cause,
    });
  }
}

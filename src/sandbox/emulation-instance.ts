import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { LapidaryError, messageOf } from '../errors/index.ts';
import { BINFMT_DIRECTORY } from './binfmt.ts';
import type { EmulationMachine } from './emulation.ts';
import { type IdMaps, parseMap, userMaps } from './id-maps.ts';
import { ownProcesses } from './own-processes.ts';
import { requireProgram } from './programs.ts';
import { writeMaps } from './spawn-tree.ts';

/** An instance of binfmt_misc. */
export type BinfmtInstance = Disposable & {
  /** The file that lines are written to. */
  readonly register: string;
  /** The namespaces whose programs it is for, as a directory like /proc/PID/ns; absent for this process's. */
  readonly namespaces?: string;
};

/**
 * Makes one. In a user namespace of its own this process mounts it itself, below `parent`. Root, whose instance is that of
 * others too, gets namespaces beside it, with the same IDs, that steps are to join; in them it is at its usual place. So
 * does an ordinary user, with the IDs that are the user's; in them the user is root.
 * @throws LapidaryError EMULATOR_MISSING where the kernel does not allow it
 */
export async function openInstance(machine: EmulationMachine, parent: string): Promise<BinfmtInstance> {
  try {
    if (machine.own !== undefined) {
      const directory = `${parent}/binfmt`;
      mkdirSync(directory);
      machine.own.mount({ source: 'binfmt_misc', target: directory, type: 'binfmt_misc' });
      return { register: `${directory}/register`, [Symbol.dispose]: () => undefined };
    }
    const holder = await startHolder(machine.searchPath);
    const place = `/proc/${holder.pid}`;
    return {
      register: `${place}/root${BINFMT_DIRECTORY}/register`,
      namespaces: `${place}/ns`,
      [Symbol.dispose]: () => void holder.kill('SIGKILL'),
    };
  } catch (cause) {
    throw new LapidaryError(
      'EMULATOR_MISSING',
      `this kernel gives no instance of binfmt_misc to a namespace: ${messageOf(cause)}`,
      {
        hint: 'that needs Linux 6.7; before, the machine itself has to know the emulator: apt-get install qemu-user-static binfmt-support',
        cause,
      },
    );
  }
}

/** Root keeps every ID that there is here, as itself; others get those that are theirs. */
function holderMaps(searchPath: string): IdMaps {
  const [uid = 0, gid = 0] = [process.getuid?.(), process.getgid?.()];
  if (uid !== 0) return userMaps({ uid, gid, searchPath }).maps;
  const [uids, gids] = ['uid', 'gid'].map((kind) =>
    parseMap(readFileSync(`/proc/self/${kind}_map`, 'utf8')).map((range) => ({
      ...range,
      outside: range.inside,
    })),
  );
  return { uids: uids ?? [], gids: gids ?? [], how: { type: 'direct' } };
}

/** Waits in its new user namespace until IDs are mapped: what it executes then is root there, with every capability. */
const HOLD =
  'echo; read -r _; exec sh -c \'mount -t binfmt_misc binfmt_misc "$1" && echo && exec cat >/dev/null\' sh "$1"';

/** A process in namespaces of its own, which keeps them until it is killed or this process ends. */
async function startHolder(searchPath: string): Promise<ChildProcess> {
  const unshare = requireProgram('unshare', { searchPath, hint: 'install it: apt-get install util-linux' });
  const maps = holderMaps(searchPath);
  const user = maps.how.type === 'single' ? ['--user', '--map-root-user'] : ['--user'];
  const flags = [...user, '--mount', '--propagation', 'private'];
  const child = spawn(unshare, [...flags, 'sh', '-c', HOLD, 'sh', BINFMT_DIRECTORY], {
    env: { PATH: searchPath },
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { pid = 0 } = child;
  ownProcesses.add(pid);
  child.once('exit', () => ownProcesses.delete(pid));
  child.stdin.on('error', () => undefined);
  await said(child);
  await writeMaps(pid, maps);
  child.stdin.write('\n');
  await said(child);
  for (const stream of [child, child.stdin, child.stdout, child.stderr]) (stream as Socket).unref();
  return child;
}

/** The next thing that it says. @throws Error with its complaint when it ends */
async function said(child: ChildProcess): Promise<void> {
  let complaint = '';
  const listen = (text: Buffer): void => {
    complaint += text.toString();
  };
  child.stderr?.on('data', listen);
  const ended = once(child, 'close').then(() => {
    throw new Error(complaint.trim() || 'unshare ended');
  });
  ended.catch(() => undefined);
  try {
    await Promise.race([once(child.stdout ?? child, 'data'), ended]);
  } finally {
    child.stderr?.off('data', listen);
  }
}

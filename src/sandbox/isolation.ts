import { readFileSync } from 'node:fs';
import { LapidaryError } from '../errors/index.ts';
import { type IdMaps, sameMaps, userMaps } from './id-maps.ts';
import type { Shortage } from './shortage.ts';

/**
 * What commands are executed with. `none`: they are not. `user-namespace`: in a user namespace, whose root is an ordinary
 * user outside. `root`: as root of this machine. `auto`: the most that the caller has.
 */
export type IsolationMode = 'auto' | 'none' | 'user-namespace' | 'root';

export type Isolation =
  | { readonly type: 'root' }
  | { readonly type: 'user-namespace'; readonly maps: IdMaps; readonly shortage?: Shortage };

/** By number: capabilities(7). */
const CAP = { SETGID: 6, SETUID: 7, SYS_ADMIN: 21 } as const;

/** @throws LapidaryError PERMISSION when commands cannot be executed in the way that was asked for */
export function chooseIsolation(mode: IsolationMode, searchPath: string): Isolation {
  if (mode === 'none') {
    const hint = 'leave out --isolation=none, or use a Dockerfile without RUN';
    throw new LapidaryError('PERMISSION', 'a command has to be executed, and --isolation=none forbids it', {
      hint,
    });
  }
  const uid = process.getuid?.() ?? -1;
  const isRoot = uid === 0 && holds('SYS_ADMIN');
  if (mode === 'root' && !isRoot) {
    throw new LapidaryError('PERMISSION', `--isolation=root needs ${uid === 0 ? 'CAP_SYS_ADMIN' : 'root'}`, {
      hint:
        uid === 0
          ? 'give the container this capability, or leave --isolation out'
          : 'run with sudo, or leave --isolation out',
    });
  }
  if (isRoot && mode !== 'user-namespace') return { type: 'root' };
  if (uid === 0 && holds('SETUID') && holds('SETGID')) return { type: 'user-namespace', maps: sameMaps() };
  const user = { uid, gid: process.getgid?.() ?? uid, searchPath };
  return { type: 'user-namespace', ...userMaps(user) };
}

/** Whether this process has a capability in its user namespace. */
function holds(name: keyof typeof CAP): boolean {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return ((BigInt(`0x${hex}`) >> BigInt(CAP[name])) & 1n) === 1n;
}

import { readFileSync, readlinkSync } from 'node:fs';
import { findProgram } from './programs.ts';
import type { Shortage } from './shortage.ts';

/** A line of a map of user_namespaces(7): `count` IDs from `inside` on are those from `outside` on. */
export type IdRange = { readonly inside: number; readonly outside: number; readonly count: number };

/** What the IDs of a user namespace are outside of it, and who may say so. */
export type IdMaps = {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  readonly how: /** By the two set-user-ID programs of shadow-utils. */
    | { readonly type: 'programs'; readonly newuidmap: string; readonly newgidmap: string }
    /** By this process, which may map any ID that it has. */
    | { readonly type: 'direct' }
    /** One ID only: nobody needs to be asked. */
    | { readonly type: 'single' };
};

/** What the link of the initial user namespace says: PROC_USER_INIT_INO of linux/proc_ns.h. */
const INITIAL = 'user:[4026531837]';

/** Whether root of this process is an ordinary user of the machine, whatever its IDs are called outside. */
export function inUserNamespace(): boolean {
  return readlinkSync('/proc/self/ns/user') !== INITIAL;
}

type User = { readonly uid: number; readonly gid: number; readonly searchPath: string };

/** IDs for a process that is not root: its own becomes 0, those that /etc/subuid and /etc/subgid give it come after. */
export function userMaps({ uid, gid, searchPath }: User): {
  readonly maps: IdMaps;
  readonly shortage?: Shortage;
} {
  const [newuidmap, newgidmap] = ['newuidmap', 'newgidmap'].map((name) => findProgram(name, searchPath));
  const owner = [nameOfUser(uid), String(uid)];
  const uids = subordinateIds(readText('/etc/subuid'), owner);
  const gids = subordinateIds(readText('/etc/subgid'), owner);
  const single: IdMaps = { uids: ranges(uid, []), gids: ranges(gid, []), how: { type: 'single' } };
  if (uids.length === 0 || gids.length === 0) return { maps: single, shortage: 'no-ranges' };
  if (newuidmap === undefined || newgidmap === undefined) return { maps: single, shortage: 'no-programs' };
  if (/^NoNewPrivs:\s*1$/m.test(readText('/proc/self/status')))
    return { maps: single, shortage: 'no-new-privileges' };
  const how = { type: 'programs', newuidmap, newgidmap } as const;
  return { maps: { uids: ranges(uid, uids), gids: ranges(gid, gids), how } };
}

/**
 * For a process that may map any ID of its own namespace: every ID stays what it is. A map of all IDs in one line is how
 * crun and pasta know the initial namespace; in two lines it is seen to be another.
 */
export function sameMaps(): IdMaps {
  return {
    uids: identity('/proc/self/uid_map'),
    gids: identity('/proc/self/gid_map'),
    how: { type: 'direct' },
  };
}

/** Reads subuid(5): `owner:first:count`; ranges of any of these names, in the order of the file. */
export function subordinateIds(
  text: string,
  owner: readonly (string | undefined)[],
): readonly { readonly first: number; readonly count: number }[] {
  return text.split('\n').flatMap((line) => {
    const [, name, first, count] = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line) ?? [];
    return owner.includes(name) && Number(count) > 0 ? [{ first: Number(first), count: Number(count) }] : [];
  });
}

function ranges(
  own: number,
  subordinate: readonly { readonly first: number; readonly count: number }[],
): IdRange[] {
  const all: IdRange[] = [{ inside: 0, outside: own, count: 1 }];
  let inside = 1;
  for (const { first, count } of subordinate) {
    all.push({ inside, outside: first, count });
    inside += count;
  }
  return all;
}

function identity(path: string): IdRange[] {
  return parseMap(readText(path)).flatMap(({ inside: first, count }) => {
    const one = { inside: first, outside: first, count: 1 };
    return count === 1 ? [one] : [one, { inside: first + 1, outside: first + 1, count: count - 1 }];
  });
}

/** What the IDs of a process's user namespace are in that of this one; `place` is its directory in /proc. */
export function mapsOfProcess(place: string): Pick<IdMaps, 'uids' | 'gids'> {
  const [uids = [], gids = []] = ['uid_map', 'gid_map'].map((name) => parseMap(readText(`${place}/${name}`)));
  return { uids, gids };
}

/** A map as /proc shows it. */
export function parseMap(text: string): IdRange[] {
  return text.split('\n').flatMap((line) => {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    if (inside === undefined || outside === undefined || count === undefined) return [];
    return [{ inside, outside, count }];
  });
}

/** In the form in which /proc takes it; `newuidmap` takes the same numbers as arguments. */
export function mapLines(map: readonly IdRange[]): string[] {
  return map.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`);
}

function nameOfUser(uid: number): string | undefined {
  const line = readText('/etc/passwd')
    .split('\n')
    .find((one) => one.split(':')[2] === String(uid));
  return line?.split(':')[0];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

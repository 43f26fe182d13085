import { accessSync, constants, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../errors/index.ts';
import type { Finding, Probe } from './probe.ts';

/** statfs(2): filesystems by their magic number; those that overlayfs cannot write to are `false`. */
const FILESYSTEMS = new Map<number, readonly [string, boolean]>([
  [0xef53, ['ext4', true]],
  [0x58465342, ['xfs', true]],
  [0x9123683e, ['btrfs', true]],
  [0x01021994, ['tmpfs', true]],
  [0x2fc12fc1, ['zfs', true]],
  [0xf2f52010, ['f2fs', true]],
  [0x794c7630, ['overlayfs', false]],
  [0x6969, ['nfs', false]],
  [0xff534d42, ['cifs', false]],
  [0x65735546, ['fuse', false]],
]);

/** The store: where it is, whose, and whether layers can be stacked there. */
export function storeProbe(root: string): Probe {
  return {
    name: 'store',
    need: 'images, layers and the cache',
    fix: 'choose another place with --store or $LAPIDARY_STORE',
    required: true,
    look: () => look(root),
  };
}

function look(root: string): Finding {
  try {
    const place = nearest(root);
    const { uid } = statSync(place);
    const own = process.getuid?.() ?? uid;
    if (place === root && uid !== own)
      return { status: 'missing', detail: `${root} belongs to the user with ID ${uid}` };
    accessSync(place, constants.W_OK);
    const { type, bavail, bsize } = statfsSync(place);
    const [name, stacks] = FILESYSTEMS.get(type) ?? [`filesystem 0x${type.toString(16)}`, true];
    const free = `${Math.floor((bavail * bsize) / 1e9)} GB free`;
    const detail = `${root}${place === root ? '' : ' (not made yet)'}: ${name}, ${free}`;
    return stacks ? { status: 'ok', detail } : { status: 'limited', detail: `${detail}; no RUN on it` };
  } catch (error) {
    return { status: 'missing', detail: messageOf(error) };
  }
}

/** The store itself, or the directory in which it would be made. */
function nearest(path: string): string {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined || dirname(path) === path) return path;
  return nearest(dirname(path));
}

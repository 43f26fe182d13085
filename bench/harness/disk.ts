import { mkdirSync, rmSync } from 'node:fs';
import { BENCH, DISK, sh, works } from './shell.ts';

const IMAGE = `${BENCH}/disk.img`;

/**
 * Mounts a new ext4 with a journal, in a sparse file, for all that runs write; inputs stay outside. Without a journal,
 * as on some virtual machines, ext4 takes milliseconds for each new file while thousands have just been removed, and a
 * run would measure what the one before it removed. False when this machine mounts no files.
 */
export function mountDisk(): boolean {
  unmountDisk();
  mkdirSync(DISK, { recursive: true });
  sh(['truncate', '-s', '32G', IMAGE]);
  sh(['mkfs.ext4', '-q', '-F', '-m', '0', '-O', 'has_journal', IMAGE]);
  return works(['mount', '-o', 'loop,noatime', IMAGE, DISK]);
}

/** Unmounts it with all that buildah has left mounted in it, and removes it. */
export function unmountDisk(): void {
  const mounts = sh(['findmnt', '--list', '--noheadings', '--output', 'TARGET']).stdout.split('\n');
  const inside = mounts.filter((target) => target === DISK || target.startsWith(`${DISK}/`));
  for (const target of inside.toReversed()) sh(['umount', target]);
  rmSync(DISK, { recursive: true, force: true });
  rmSync(IMAGE, { force: true });
}

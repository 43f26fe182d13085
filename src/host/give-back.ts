import type { ForeignLibrary } from './foreign.ts';

/** malloc.h of glibc */
const [M_TRIM_THRESHOLD, M_MMAP_THRESHOLD] = [-1, -3];
/** Larger than what is asked for again and again, smaller than what a layer's contents are read and compressed in. */
const LARGE = 256 * 1024;

/**
 * mallopt(3): memory of large buffers goes back to the system as soon as it is freed. Without it glibc keeps more the larger
 * what was freed before: 38 MiB of the 260 that a layer of 40,000 files takes. Other C libraries do so by themselves, and have
 * no such function.
 */
export function giveBackLargeBuffers(library: ForeignLibrary): void {
  try {
    const mallopt = library.call('mallopt', 'int', ['int', 'int']);
    for (const parameter of [M_TRIM_THRESHOLD, M_MMAP_THRESHOLD]) mallopt(parameter, LARGE);
  } catch {
    // Not glibc
  }
}

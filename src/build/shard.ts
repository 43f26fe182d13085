import { LapidaryError } from '../errors/index.ts';
import type { Platform } from '../oci/index.ts';
import type { OutputSpec } from './types.ts';

/** One of `of` machines that build the platforms of an image together; `index` counts from 1. */
export type Shard = { readonly index: number; readonly of: number };

/**
 * The platforms that a machine builds: every `of`th, so that `mergeLayouts`, which takes them in turns, has the order
 * that was asked for.
 * @throws LapidaryError USAGE when there are none for it
 */
export function platformsOfShard(platforms: readonly Platform[], { index, of }: Shard): readonly Platform[] {
  const own = platforms.filter((_, i) => i % of === index - 1);
  if (own.length > 0) return own;
  const count = platforms.length === 1 ? 'there is one platform' : `there are ${platforms.length} platforms`;
  throw new LapidaryError('USAGE', `nothing is left to build for the shard ${index}/${of}`, { hint: count });
}

/**
 * A part of an image is for `merge`, and has no name in a registry.
 * @throws LapidaryError USAGE
 */
export function checkShard(outputs: readonly OutputSpec[]): void {
  if (outputs.length > 0 && outputs.every(({ type }) => type === 'oci')) return;
  throw new LapidaryError('USAGE', 'a shard is written to an OCI layout', {
    hint: 'add -o type=oci,tar=false,dest=DIRECTORY, and join the directories by `lapidary merge`',
  });
}

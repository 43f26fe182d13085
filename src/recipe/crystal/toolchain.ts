import type { RecipeOptions } from '../types.ts';
import type { ShardFile } from './shard-file.ts';
import { parseRange } from './version.ts';

/** What Debian trixie has. */
export const DEBIAN_CRYSTAL = '1.14.0';
/** Tags of the official images, newest first: the last release of each line. */
const OFFICIAL: readonly string[] = [
  '1.21.0',
  '1.20.0',
  '1.19.1',
  '1.18.2',
  '1.17.1',
  '1.16.3',
  '1.15.1',
  '1.14.1',
  '1.13.3',
  '1.12.2',
  '1.11.2',
  '1.10.1',
  '1.9.2',
  '1.8.2',
  '1.7.3',
  '1.6.2',
  '1.5.1',
  '1.4.1',
  '1.3.2',
  '1.2.2',
  '1.1.1',
  '1.0.0',
];

export type PickedToolchain =
  | { readonly kind: 'debian' }
  | { readonly kind: 'official'; readonly version: string };

/**
 * The compiler for a project. `auto` is Debian's where that is in the range of `crystal`, since it needs no registry
 * and compiles for other machines without an emulator.
 * @throws SourceError PROJECT_INVALID
 */
export function pickToolchain(
  { crystal }: ShardFile,
  { toolchain = 'auto' }: RecipeOptions,
): PickedToolchain {
  const range = crystal === undefined ? (): boolean => true : parseRange(crystal.text);
  if (range === undefined) {
    throw crystal?.at.wrong('a range of versions', 'such as `>= 1.14.0`, or `>= 1.10, < 2.0`');
  }
  if (toolchain !== 'official' && range(DEBIAN_CRYSTAL)) return { kind: 'debian' };
  if (toolchain === 'debian') {
    throw crystal?.at.wrong(
      `a range with ${DEBIAN_CRYSTAL}, which is what Debian has`,
      'widen the range, or use --toolchain official',
    );
  }
  const version = OFFICIAL.find(range);
  if (version !== undefined) return { kind: 'official', version };
  throw crystal?.at.wrong(
    'a range with a version that there is',
    `the newest that is known is ${OFFICIAL[0]}`,
  );
}

import { type Digest, hostPlatform, type Platform } from '../oci/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import { type LocalStore, measureIn } from './local-store.ts';
import { normaliseTag } from './outputs.ts';

export type BootstrapRequest = {
  readonly name: 'debian';
  /** Code name or suite of the distribution: `trixie`. */
  readonly suite: string;
  /** Without documentation, manual pages and translations. */
  readonly slim: boolean;
  readonly tag: string;
  readonly platform?: Platform;
  /** Packages to install on top of the minimal set. */
  readonly include: readonly string[];
  /** URL of an archive; default: what the host itself uses. */
  readonly mirror?: string;
  /** Accepts Release files that have expired, as frozen snapshots have them. */
  readonly allowExpired: boolean;
};

import type { Flags, OptionSpec } from './command.ts';
import { readBoolean } from './read-input.ts';

/** Flags of all commands that talk to registries. */
export const NETWORK_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--tls-verify[=BOOL]',
    help: 'false allows plain HTTP, and TLS that cannot be verified (default: true)',
    bare: 'true',
  },
];

/** @throws LapidaryError USAGE */
export function readNetwork(flags: Flags): { readonly insecure: boolean } {
  return { insecure: !readBoolean('--tls-verify', flags.text('tls-verify') ?? 'true') };
}

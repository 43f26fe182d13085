import type { SandboxSettings } from '../build/index.ts';
import type { Flags, OptionSpec } from './command.ts';
import { oneOf } from './one-of.ts';

const ISOLATION = ['auto', 'none', 'user-namespace', 'root'] as const;

/** Flags of the commands that execute something in an image. */
export const SANDBOX_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--isolation MODE',
    help: 'How commands are executed: auto (default; the most that this user may), root, user-namespace, or none (a command is an error)',
  },
];

/** @throws LapidaryError USAGE */
export function readSandbox(flags: Flags): { readonly sandbox: SandboxSettings } {
  return { sandbox: { isolation: oneOf('--isolation', flags.text('isolation') ?? 'auto', ISOLATION) } };
}

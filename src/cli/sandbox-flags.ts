import type { SandboxSettings } from '../build/index.ts';
import type { Flags, OptionSpec } from './command.ts';
import { EMULATOR_OPTION, readEmulators } from './emulator-flags.ts';
import { oneOf } from './one-of.ts';

const ISOLATION = ['auto', 'none', 'user-namespace', 'root'] as const;

/** Flags of the commands that execute something in an image. */
export const SANDBOX_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--isolation MODE',
    help: 'How commands are executed: auto (default; the most that this user may), root, user-namespace, or none (a command is an error)',
  },
  EMULATOR_OPTION,
];

/** @throws LapidaryError USAGE */
export function readSandbox(flags: Flags, cwd: string): { readonly sandbox: SandboxSettings } {
  const isolation = oneOf('--isolation', flags.text('isolation') ?? 'auto', ISOLATION);
  return { sandbox: { isolation, ...readEmulators(flags.list('emulator'), cwd) } };
}

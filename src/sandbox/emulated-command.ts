import { hostPlatform, type Platform } from '../oci/index.ts';
import { visibleRegistrations } from './binfmt.ts';
import { Emulators } from './emulation.ts';
import { DEFAULT_SEARCH_PATH, requireProgram } from './programs.ts';

/** Dispose it when what was started has ended. */
export type EmulatedCommand = Disposable & {
  /** What goes before a command so that it, and what it starts, can run programs of the platform. */
  readonly prefix: readonly string[];
};

export type EmulatedCommandOptions = {
  readonly platform: Platform;
  /** A directory for scratch files. */
  readonly scratch: string;
  readonly searchPath?: string | undefined;
  readonly emulators?: Readonly<Record<string, string>> | undefined;
};

/**
 * Makes programs of a platform executable for a program of this machine, such as a bootstrap. Where that takes namespaces
 * the program is root in them, whoever starts it.
 * @throws LapidaryError EMULATOR_MISSING
 */
export async function emulateCommand(options: EmulatedCommandOptions): Promise<EmulatedCommand> {
  const { platform, scratch, searchPath = DEFAULT_SEARCH_PATH, emulators = {} } = options;
  const host = hostPlatform(process.arch, 'linux').architecture;
  const made = new Emulators({ searchPath, scratch, host });
  const visible = visibleRegistrations();
  const { type } = await made.prepare({ architecture: platform.architecture, emulators, visible });
  if (type !== 'own') return { prefix: [], [Symbol.dispose]: () => undefined };
  const nsenter = requireProgram('nsenter', { searchPath, hint: 'install it: apt-get install util-linux' });
  const flags = ['user', 'mnt'].map(
    (kind) => `--${kind === 'mnt' ? 'mount' : kind}=${made.namespaces}/${kind}`,
  );
  return { prefix: [nsenter, ...flags], [Symbol.dispose]: () => made[Symbol.dispose]() };
}

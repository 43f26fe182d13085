import { hostPlatform, type Platform } from '../oci/index.ts';
import { visibleRegistrations } from './binfmt.ts';
import type { Emulation } from './protocol.ts';
import type { SandboxOptions, SandboxProcess } from './sandbox-process.ts';

/**
 * How programs of a platform run in a sandbox; after this they do.
 * @throws LapidaryError EMULATOR_MISSING
 */
export async function askEmulation(
  sandbox: SandboxProcess,
  platform: Platform | undefined,
  { settings: { emulators = {} } = {} }: Pick<SandboxOptions, 'settings'>,
): Promise<Emulation> {
  const host = hostPlatform(process.arch, 'linux').architecture;
  const architecture = platform?.architecture ?? host;
  if (architecture === host) return { type: 'native' };
  const visible = visibleRegistrations();
  const report = await sandbox.emulate({ architecture, emulators, visible }).outcome;
  if (report.type !== 'emulation') throw new Error(`the sandbox answered with ${report.type}`);
  return report.emulation;
}

import { LapidaryError, messageOf } from '../errors/index.ts';
import type { RegistryConfig } from '../registry/index.ts';
import type { MachineCheck, MachineReport } from '../sandbox/index.ts';

export type MachineOptions = {
  /** Where programs are looked for, like `$PATH`. */
  readonly searchPath?: string;
  /** Root of the store, absolute. */
  readonly store?: string;
  readonly registries?: () => Promise<RegistryConfig>;
};

/** What this machine allows, and what is missing for what. */
export async function probeMachine(options: MachineOptions = {}): Promise<MachineReport> {
  const sandbox = await import('../sandbox/index.ts');
  const { registries, ...rest } = options;
  const report = await sandbox.probeMachine(rest);
  if (registries === undefined) return report;
  return { ...report, checks: [...report.checks, await probeRegistries(registries)] };
}

async function probeRegistries(read: () => Promise<RegistryConfig>): Promise<MachineCheck> {
  const check = { name: 'registries', need: 'base images, push and pull' };
  try {
    const { rules, credentialFiles } = await read();
    const logins = credentialFiles.reduce((sum, { auths }) => sum + auths.size, 0);
    return { ...check, status: 'ok', detail: `${rules.length} rules, ${logins} logins` };
  } catch (error) {
    const hint = error instanceof LapidaryError ? error.hint : undefined;
    const fix = hint ?? 'correct the file';
    return { ...check, status: 'limited', detail: messageOf(error), fix };
  }
}

import type { MachineReport } from '../sandbox/index.ts';

/** What this machine allows, and what is missing for what. `searchPath` is like `$PATH`. */
export async function probeMachine(options: { readonly searchPath?: string } = {}): Promise<MachineReport> {
  const sandbox = await import('../sandbox/index.ts');
  return sandbox.probeMachine(options);
}

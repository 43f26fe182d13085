import type { Entitlement } from '../plan/index.ts';
import type { BuildRequest } from './types.ts';

/**
 * The rights that steps may ask for. Where this machine has no other network for them than its own, that one is no right
 * to be asked for.
 */
export async function allowedRights(
  { allow = [] }: BuildRequest,
  { dockerfile, searchPath }: { readonly dockerfile: string; readonly searchPath: string | undefined },
): Promise<readonly Entitlement[]> {
  if (allow.includes('network.host') || !dockerfile.includes('--network')) return allow;
  const { canIsolateNetwork } = await import('../sandbox/index.ts');
  return canIsolateNetwork(searchPath) ? allow : [...allow, 'network.host'];
}

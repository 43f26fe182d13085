import type { LoginResult, MachineEnvironment, RegistryConfig } from '../registry/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import { told } from './registries.ts';

export type RegistryLoginRequest = {
  readonly config: RegistryConfig;
  /** `quay.io`, `localhost:5000`, `quay.io/team`; default Docker Hub. */
  readonly server?: string;
  readonly username: string;
  readonly password: string;
  /** Plain HTTP and TLS that cannot be verified are allowed. */
  readonly insecure?: boolean;
  readonly onEvent?: (event: BuildEvent) => void;
  readonly signal?: AbortSignal;
};

const DEFAULT_SERVER = 'docker.io';

/** See `lapidary/registry`; the client is loaded when it is called. @throws LapidaryError REGISTRY_CONFIG */
export async function readRegistryConfig(machine: MachineEnvironment): Promise<RegistryConfig> {
  const registry = await import('../registry/index.ts');
  return registry.readRegistryConfig(machine);
}

/** Has a registry verify a password and keeps it for later calls. @throws LapidaryError REGISTRY_* */
export async function registryLogin(request: RegistryLoginRequest): Promise<LoginResult> {
  const { login } = await import('../registry/index.ts');
  const { server = DEFAULT_SERVER, onEvent, ...rest } = request;
  return login({ ...rest, server, onEvent: (event) => onEvent?.(told(event)) });
}

/** Forgets what `registryLogin`, docker or podman kept; false when there was nothing. @throws LapidaryError REGISTRY_* */
export async function registryLogout(
  config: RegistryConfig,
  server: string = DEFAULT_SERVER,
): Promise<boolean> {
  const { logout } = await import('../registry/index.ts');
  return logout(config, server);
}

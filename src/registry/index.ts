export {
  type Credential,
  type CredentialFile,
  EMPTY_REGISTRY_CONFIG,
  type MirrorRule,
  type RegistryConfig,
  type RegistryRule,
} from './config.ts';
export { type LoginRequest, type LoginResult, login, logout } from './login.ts';
export { type MachineEnvironment, readRegistryConfig } from './read-config.ts';
export { openRegistryClient } from './registry-client.ts';
export { RegistryError } from './registry-error.ts';
export type {
  CallOptions,
  Clock,
  FetchedManifest,
  OpenSource,
  PushBlobOptions,
  PushOutcome,
  ReferrerArtifact,
  RegistryClient,
  RegistryClientOptions,
  RegistryEvent,
  Repository,
  Timeouts,
  TransferOptions,
} from './types.ts';

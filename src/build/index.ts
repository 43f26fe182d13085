export type {
  DirectorySize,
  Duplicate,
  LayerSize,
  PackageSize,
  PathChange,
  PreflightFinding,
  SettingChange,
  SizeReport,
  SlimRoot,
  WastedFile,
} from '../inspect/index.ts';
export type { Outline, Target as DockerfileTarget } from '../plan/index.ts';
export type { RegistryConfig } from '../registry/index.ts';
export type { MachineCheck, MachineReport, SandboxSettings } from '../sandbox/index.ts';
export { layerSize } from '../solve/index.ts';
export { defaultStoreRoot } from '../store/index.ts';
export type { AnnotateIndexRequest } from './annotate-index.ts';
export type { BootstrapRequest } from './bootstrap.ts';
export { build } from './build.ts';
export type { CheckReport } from './check-dockerfile.ts';
export {
  checkBuild,
  type LookOptions,
  listDockerfileTargets,
  outlineDockerfile,
} from './check-surroundings.ts';
export { type ContextListing, type ListedFile, listContext } from './context-listing.ts';
export { type CopyRequest, type ImagePlace, parseImagePlace } from './copy-image.ts';
export type { CreateIndexRequest, IndexSource } from './create-index.ts';
export type { SecretSource } from './credentials.ts';
export type {
  ImageTools,
  PushedImage,
  PushImageRequest,
  RawManifest,
  RemoteInspected,
} from './image-tools.ts';
export type { IndexAnnotation } from './index-document.ts';
export { initProject, type ProjectDockerfile } from './init-project.ts';
export { type InspectedImage, Lapidary, type LapidaryOptions, type LoadedImage } from './lapidary.ts';
export { type LockRequest, type LockResult, lockBuild } from './lock-build.ts';
export type { LockChange } from './lock-changes.ts';
export type { Lock, LockedImage } from './lock-file.ts';
export { probeMachine } from './machine.ts';
export type { ImageDiff, ImageSize, LookedAtImage, SizeOptions } from './measure-image.ts';
export {
  type RegistryLoginRequest,
  readRegistryConfig,
  registryLogin,
  registryLogout,
} from './registry-login.ts';
export type { RunImageRequest } from './run-image.ts';
export type { Slimmed, SlimmedImage, SlimRequest } from './slim-image.ts';
export type { BuildOptions, BuildRequest, BuildResult, BuiltImage, OutputSpec } from './types.ts';

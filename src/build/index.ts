export type { MachineCheck, MachineReport } from '../sandbox/index.ts';
export { defaultStoreRoot } from '../store/index.ts';
export type { BootstrapRequest } from './bootstrap.ts';
export { build } from './build.ts';
export type { SecretSource } from './credentials.ts';
export { type InspectedImage, Lapidary, type LoadedImage } from './lapidary.ts';
export { probeMachine } from './machine.ts';
export type { RunImageRequest } from './run-image.ts';
export type { BuildOptions, BuildRequest, BuildResult, OutputSpec } from './types.ts';

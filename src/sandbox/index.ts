export { type EmulatedCommand, emulateCommand } from './emulated-command.ts';
export { type MachineCheck, type MachineReport, probeMachine } from './probe.ts';
export { type RunImageRequest, runImage } from './run-image.ts';
export { type LayerAdopter, openSandbox } from './runtime.ts';
export type { SandboxOptions } from './sandbox-process.ts';
export type { SandboxSettings } from './settings.ts';
export { canIsolateNetwork } from './step-network.ts';

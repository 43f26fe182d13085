import { statSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { DeviceEdits } from './cdi.ts';
import type { SpecMount } from './oci-spec.ts';

/** An OCI hook: https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md#posix-platform-hooks */
export type SpecHook = {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: number;
};

/** What the devices of a build add to every container. */
export type DeviceSetup = {
  readonly env: readonly string[];
  readonly mounts: readonly SpecMount[];
  readonly hooks: Readonly<Record<string, readonly SpecHook[]>>;
  readonly groups: readonly number[];
};

const NOTHING: DeviceSetup = { env: [], mounts: [], hooks: {}, groups: [] };

/** @throws LapidaryError USAGE, UNSUPPORTED for a device that is not there or cannot be given like that */
export async function openDevices(devices: readonly string[] = []): Promise<DeviceSetup> {
  if (devices.length === 0) return NOTHING;
  const edits: DeviceEdits[] = [];
  for (const device of devices) edits.push(...(await editsOf(device)));
  const hooks: Record<string, SpecHook[]> = {};
  for (const { hookName, ...hook } of edits.flatMap((one) => one.hooks))
    hooks[hookName] = [...(hooks[hookName] ?? []), hook as SpecHook];
  return {
    env: edits.flatMap(({ env }) => env),
    mounts: [
      ...edits.flatMap(({ deviceNodes }) => deviceNodes.map(bindNode)),
      ...edits.flatMap(({ mounts }) =>
        mounts.map(({ hostPath, containerPath, type = 'bind', options }) => ({
          destination: containerPath,
          type,
          source: hostPath,
          options: type === 'bind' && !options.includes('rbind') ? ['bind', ...options] : options,
        })),
      ),
    ],
    hooks,
    groups: edits.flatMap(({ additionalGids }) => additionalGids),
  };
}

/** A device of the machine is bound, which needs no right to make one. */
function bindNode({ path, hostPath = path }: { path: string; hostPath?: string | undefined }): SpecMount {
  return { destination: path, type: 'bind', source: hostPath, options: ['bind', 'nosuid', 'noexec'] };
}

async function editsOf(text: string): Promise<readonly DeviceEdits[]> {
  if (!text.startsWith('/')) {
    const { findCdiDevice } = await import('./cdi.ts');
    return findCdiDevice(text);
  }
  const [source = '', second, third] = text.split(':');
  const target = second?.startsWith('/') ? second : source;
  const permissions = second !== undefined && !second.startsWith('/') ? second : (third ?? 'rwm');
  if (permissions !== 'rwm') {
    throw new LapidaryError('UNSUPPORTED', `--device gives every right that the node has: ${quoted(text)}`, {
      hint: 'leave the permissions out, and change the mode of the device',
    });
  }
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat === undefined || !(stat.isCharacterDevice() || stat.isBlockDevice())) {
    const hint = 'expected /dev/NAME[:/dev/NAME], or VENDOR/CLASS=NAME';
    throw new LapidaryError('USAGE', `--device: ${quoted(source)} is no device`, { hint });
  }
  const node = { path: target, hostPath: source };
  return [{ env: [], deviceNodes: [node], mounts: [], hooks: [], additionalGids: [] }];
}

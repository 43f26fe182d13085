import { readdirSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { parse } from 'yaml';
import { LapidaryError, messageOf, quoted, suggest } from '../errors/index.ts';

/*
 * Container Device Interface: what administrators say of devices for containers.
 * https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md
 */

/** Later directories go before earlier ones. */
const DIRECTORIES = ['/etc/cdi', '/var/run/cdi'];

const Hook = v.object({
  hookName: v.string(),
  path: v.string(),
  args: v.optional(v.array(v.string())),
  env: v.optional(v.array(v.string())),
  timeout: v.optional(v.number()),
});
const Edits = v.object({
  env: v.optional(v.array(v.string()), []),
  deviceNodes: v.optional(v.array(v.object({ path: v.string(), hostPath: v.optional(v.string()) })), []),
  mounts: v.optional(
    v.array(
      v.object({
        hostPath: v.string(),
        containerPath: v.string(),
        type: v.optional(v.string()),
        options: v.optional(v.array(v.string()), []),
      }),
    ),
    [],
  ),
  hooks: v.optional(v.array(Hook), []),
  additionalGids: v.optional(v.array(v.number()), []),
});
const Spec = v.object({
  cdiVersion: v.string(),
  kind: v.string(),
  containerEdits: v.optional(Edits),
  devices: v.array(v.object({ name: v.string(), containerEdits: Edits })),
});

/** What a device adds to a container. */
export type DeviceEdits = {
  readonly env: readonly string[];
  readonly deviceNodes: readonly { readonly path: string; readonly hostPath?: string | undefined }[];
  readonly mounts: readonly {
    readonly hostPath: string;
    readonly containerPath: string;
    readonly type?: string | undefined;
    readonly options: readonly string[];
  }[];
  readonly hooks: readonly {
    readonly hookName: string;
    readonly path: string;
    readonly args?: readonly string[] | undefined;
    readonly env?: readonly string[] | undefined;
    readonly timeout?: number | undefined;
  }[];
  readonly additionalGids: readonly number[];
};

/** `vendor.com/class=name` → what it adds. @throws LapidaryError USAGE */
export function findCdiDevice(
  name: string,
  directories: readonly string[] = DIRECTORIES,
): readonly DeviceEdits[] {
  const known: string[] = [];
  for (const path of [...directories].reverse().flatMap(specFiles)) {
    const { kind, devices, containerEdits } = readSpec(path);
    for (const device of devices) {
      known.push(`${kind}=${device.name}`);
      if (`${kind}=${device.name}` !== name) continue;
      return [...(containerEdits === undefined ? [] : [containerEdits]), device.containerEdits];
    }
  }
  const near = suggest(name, known);
  const hint =
    known.length === 0 ? `there are none in ${directories.join(' and ')}` : `there are ${known.join(', ')}`;
  throw new LapidaryError('USAGE', `--device: no CDI device is called ${quoted(name)}`, {
    hint: near === undefined ? hint : `did you mean ${near}?`,
  });
}

function specFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.(?:json|ya?ml)$/.test(name))
      .sort()
      .map((name) => `${directory}/${name}`);
  } catch {
    return [];
  }
}

function readSpec(path: string): v.InferOutput<typeof Spec> {
  try {
    // YAML holds JSON
    return v.parse(Spec, parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new LapidaryError(
      'USAGE',
      `the CDI specification ${quoted(path)} cannot be used: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

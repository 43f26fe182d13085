import { type Digest, sha256 } from '../oci/index.ts';
import type { CopyOp, Op, RunMount } from './op.ts';

declare const kind: unique symbol;
/** Names the result of a step. Equal keys mean interchangeable results. */
export type StepKey = string & { readonly [kind]: 'step' };

/** Part of every key: raise it whenever the same definition starts to mean another result. */
const VERSION = 'lapidary-step-4';

const keyOf = (...parts: readonly unknown[]): StepKey => sha256<StepKey>(JSON.stringify([VERSION, ...parts]));

export const scratchKey: StepKey = keyOf('scratch');

/** Of an image, by what is in its layers: a retagged or recompressed base still hits. */
export function imageStepKey(diffIds: readonly string[]): StepKey {
  return keyOf('image', diffIds);
}

/**
 * `parent` is the key of what the command runs on, `contents` the digest of what each mount reads, if anything.
 * Hidden environment is no part of it, nor are the values of secrets.
 */
export function runKey(
  parent: StepKey,
  op: Extract<Op, { op: 'run' }>,
  contents: readonly (Digest | undefined)[] = [],
): StepKey {
  const { argv, env, cwd, user, network, files, mounts, insecure, hostname, execution } = op.command;
  const scripts = files.map((file) => [file.path, sha256(file.bytes)]);
  const more =
    mounts.length === 0 && !insecure && hostname === undefined
      ? []
      : [mounts.map((mount, i) => mountRow(mount, contents[i])), insecure, hostname ?? null];
  const way = execution === undefined ? [] : [['execution', execution]];
  return keyOf('run', parent, argv, env, cwd, user, network, scripts, ...more, ...way);
}

/** What a mount reads counts by its contents, not by where they come from. */
function mountRow(mount: RunMount, content: Digest | undefined): unknown {
  switch (mount.type) {
    case 'bind':
      return ['bind', mount.target, mount.readonly, content];
    case 'cache': {
      const { id, target, readonly, sharing, owner } = mount;
      return ['cache', target, id, readonly, sharing, owner ?? null, content ?? null];
    }
    case 'tmpfs':
      return ['tmpfs', mount.target, mount.readonly, mount.size ?? null];
    case 'secret': {
      const { id, target, env, required, uid, gid, mode } = mount;
      return ['secret', id, target ?? null, env ?? null, required, uid, gid, mode];
    }
    case 'ssh': {
      const { id, target, required, uid, gid, mode } = mount;
      return ['ssh', id, target, required, uid, gid, mode];
    }
  }
}

/** `content` is the digest of what is copied: names, modes, owners and bytes, but no times and no source paths. */
export function copyKey(parent: StepKey, op: CopyOp, content: Digest): StepKey {
  return keyOf('copy', parent, content, op.destination, op.chown ?? null, op.chmod ?? null);
}

/** Of the layer of a linked copy, which is the same on every base: `op.chown` has no names. */
export function linkKey(op: CopyOp, content: Digest): StepKey {
  return keyOf('link', content, op.destination, op.chown ?? null, op.chmod ?? null);
}

/** Of what such a layer makes of a base. */
export function linkedKey(parent: StepKey, layer: StepKey): StepKey {
  return keyOf('linked', parent, layer);
}

export function workdirKey(parent: StepKey, op: Extract<Op, { op: 'workdir' }>): StepKey {
  return keyOf('workdir', parent, op.path, op.user);
}

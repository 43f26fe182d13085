import { type Digest, sha256 } from '../oci/index.ts';
import type { CopyOp, Op } from './op.ts';

declare const kind: unique symbol;
/** Names the result of a step. Equal keys mean interchangeable results. */
export type StepKey = string & { readonly [kind]: 'step' };

/** Part of every key: raise it whenever the same definition starts to mean another result. */
const VERSION = 'lapidary-step-2';

const keyOf = (...parts: readonly unknown[]): StepKey => sha256<StepKey>(JSON.stringify([VERSION, ...parts]));

export const scratchKey: StepKey = keyOf('scratch');

/** Of an image, by what is in its layers: a retagged or recompressed base still hits. */
export function imageStepKey(diffIds: readonly string[]): StepKey {
  return keyOf('image', diffIds);
}

/** `parent` is the key of what the command runs on. Hidden environment is no part of it. */
export function runKey(parent: StepKey, op: Extract<Op, { op: 'run' }>): StepKey {
  const { argv, env, cwd, user, network, files } = op.command;
  const scripts = files.map((file) => [file.path, sha256(file.bytes)]);
  return keyOf('run', parent, argv, env, cwd, user, network, scripts);
}

/** `content` is the digest of what is copied: names, modes, owners and bytes, but no times and no source paths. */
export function copyKey(parent: StepKey, op: CopyOp, content: Digest): StepKey {
  return keyOf(
    op.unpack ? 'add' : 'copy',
    parent,
    content,
    op.destination,
    op.chown ?? null,
    op.chmod ?? null,
  );
}

export function workdirKey(parent: StepKey, op: Extract<Op, { op: 'workdir' }>): StepKey {
  return keyOf('workdir', parent, op.path, op.user);
}

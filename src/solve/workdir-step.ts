import type { Op } from '../plan/index.ts';
import { type Entry, makeDirectory } from '../tree/index.ts';
import { type OwnerPorts, ownerOf } from './copy-step.ts';
import type { StackLayer } from './ports/index.ts';

type WorkdirOp = Extract<Op, { op: 'workdir' }>;

/**
 * The directories a WORKDIR makes where they are missing.
 *
 * @param stack base first
 */
export async function workdirEntries(
  op: WorkdirOp & { readonly time: number },
  stack: readonly StackLayer[],
  ports: OwnerPorts,
): Promise<readonly Entry[]> {
  const tree = await ports.trees.of(stack);
  // The same owner as --chown with this user, which for a number alone is not what RUN takes
  const owner = await ownerOf({ text: op.user, step: op }, stack, ports);
  const { uid, gid } = owner ?? { uid: 0, gid: 0 };
  return makeDirectory(tree, op.path, { uid, gid, mode: 0o755, time: op.time });
}

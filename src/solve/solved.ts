import type { StepKey } from '../plan/index.ts';
import type { LayerId } from '../tree/index.ts';
import type { StackLayer } from './ports/index.ts';
import type { StepRecord } from './step-record.ts';

/** What an op came to: the stack of layers behind it, and the layer it added itself. */
export type Solved = {
  readonly key: StepKey;
  /** Base first. */
  readonly stack: readonly StackLayer[];
  /** Absent when the op changed nothing. */
  readonly layer?: LayerId;
  /** ISO 8601: when the layer was made, today or in an earlier build. Absent for scratch and images. */
  readonly created?: string;
};

/** `base` with what a step on top of it came to. */
export function onTop(base: Solved, key: StepKey, { layer, created }: StepRecord): Solved {
  if (layer === undefined) return { key, stack: base.stack, created };
  return { key, stack: [...base.stack, layer], layer, created };
}

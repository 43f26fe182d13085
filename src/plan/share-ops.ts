import { sha256 } from '../oci/index.ts';
import type { Op } from './op.ts';
import type { Plan, PlannedStage } from './types.ts';

/**
 * Plans of one Dockerfile for several platforms with what is the same in them made one: stages that are pinned to the
 * platform of the build are one graph, and are evaluated once. Steps of different platforms or titles stay apart, even
 * where they do the same.
 */
export function sharePlans(plans: readonly Plan[]): readonly Plan[] {
  const ops = new SharedOps();
  const stage = (one: PlannedStage): PlannedStage => ({
    ...one,
    op: ops.share(one.op),
    history: one.history.map((line) => (line.op === undefined ? line : { ...line, op: ops.share(line.op) })),
  });
  return plans.map((plan) => ({ ...plan, result: stage(plan.result), stages: plan.stages.map(stage) }));
}

/** One object for every definition. */
class SharedOps {
  readonly #shared = new Map<Op, Op>();
  readonly #byDefinition = new Map<string, Op>();
  readonly #numbers = new Map<Op, number>();

  share(op: Op): Op {
    const known = this.#shared.get(op);
    if (known !== undefined) return known;
    // From the base on, so that long stages are no deep recursion
    for (const below of basesOf(op)) if (!this.#shared.has(below)) this.#place(below);
    return this.#place(op);
  }

  #place(op: Op): Op {
    const rebuilt = this.#rebuild(op);
    const definition = this.#definitionOf(rebuilt);
    const shared = this.#byDefinition.get(definition) ?? rebuilt;
    this.#byDefinition.set(definition, shared);
    this.#shared.set(op, shared).set(shared, shared);
    if (!this.#numbers.has(shared)) this.#numbers.set(shared, this.#numbers.size);
    return shared;
  }

  /** The same on what is shared already. */
  #rebuild(op: Op): Op {
    switch (op.op) {
      case 'run': {
        const mounts = op.command.mounts.map((mount) =>
          'from' in mount && mount.from !== undefined ? { ...mount, from: this.share(mount.from) } : mount,
        );
        return { ...op, base: this.share(op.base), command: { ...op.command, mounts } };
      }
      case 'copy':
        return { ...op, base: this.share(op.base), from: this.share(op.from) };
      case 'workdir':
        return { ...op, base: this.share(op.base) };
      default:
        return op;
    }
  }

  /** Everything that tells two ops apart; places in the source are told by stage and position. */
  #definitionOf(op: Op): string {
    return JSON.stringify(op, (key, value: unknown) => {
      if (key === 'at') return undefined;
      if (value instanceof Uint8Array) return sha256(value);
      if (key === 'base' || key === 'from') return this.#numbers.get(value as Op);
      return value;
    });
  }
}

/** What an op stands on, the lowest first. */
function basesOf(op: Op): Op[] {
  const bases: Op[] = [];
  for (let below = op; 'base' in below; ) {
    below = below.base;
    bases.push(below);
  }
  return bases.reverse();
}

import type { Op, Plan } from '../plan/index.ts';
import type { BuildEvent, StepInfo } from '../solve/index.ts';

type Sum = { readonly stage: string; readonly platform: string; steps: number; ms: number };

/** Listens to the events of a build, and sums up what its emulated steps took. */
export class EmulationReport {
  readonly #tell: (event: BuildEvent) => void;
  readonly #steps = new Map<number, StepInfo>();
  readonly #platforms = new Map<number, string>();
  readonly #sums = new Map<string, Sum>();

  constructor(tell: (event: BuildEvent) => void) {
    this.#tell = tell;
  }

  readonly emit = (event: BuildEvent): void => {
    if (event.type === 'step-start') this.#steps.set(event.step.id, event.step);
    if (event.type === 'step-emulated') this.#platforms.set(event.id, event.platform);
    if (event.type === 'step-end') this.#end(event.id, event.ms);
    this.#tell(event);
  };

  /** Tells the sums: one event for each stage and platform, with a hint where the stage need not be emulated. */
  tell(plans: readonly Plan[]): void {
    const needed = new Set(plans.flatMap(({ result }) => stagesBelow(result.op)));
    for (const sum of this.#sums.values()) {
      const hint = needed.has(sum.stage) ? {} : { hint: hintFor(sum.stage) };
      this.#tell({ type: 'emulation', ...sum, ...hint });
    }
  }

  #end(id: number, ms: number): void {
    const { stage } = this.#steps.get(id) ?? {};
    const platform = this.#platforms.get(id);
    this.#steps.delete(id);
    if (stage === undefined || platform === undefined) return;
    const key = `${platform} ${stage}`;
    const sum = this.#sums.get(key) ?? { stage, platform, steps: 0, ms: 0 };
    sum.steps += 1;
    sum.ms += ms;
    this.#sums.set(key, sum);
  }
}

/** The stages whose files are part of the result: their programs have to be of its platform. */
function stagesBelow(op: Op): string[] {
  const stages = new Set<string>();
  for (let below = op; ; below = below.base) {
    if ('origin' in below && below.origin !== undefined) stages.add(below.origin.stage);
    if (!('base' in below)) return [...stages];
  }
}

function hintFor(stage: string): string {
  const name = /^\d+$/.test(stage) ? `stage ${stage}` : `the stage ${stage}`;
  return `${name} is only copied from: begin it with FROM --platform=$BUILDPLATFORM and cross-compile for $TARGETARCH, and nothing of it is emulated`;
}

import type { Instruction, Stage } from '../dockerfile/index.ts';
import { SourceError, type SourceRange } from '../errors/index.ts';
import type { Op } from './op.ts';
import type { PlanScope } from './plan-scope.ts';
import { findStage, stageName } from './stage-name.ts';
import type { StageState } from './stage-state.ts';

/** What a `--from=` or `from=` says after expansion, and where. */
export type SourceUse = {
  readonly name: string;
  /** As written. */
  readonly text: string;
  readonly at: SourceRange;
  /** Index of the stage that reads it. */
  readonly reader: number;
};

/**
 * What the name means: a named context, an earlier stage by name or index, or an image; `undefined` when an image
 * behind it is not known yet.
 *
 * @param stageAfter gives an earlier stage after all its instructions
 * @throws SourceError DOCKERFILE_STAGE
 */
export function copySource(
  scope: PlanScope,
  use: SourceUse,
  stageAfter: (stage: Stage) => StageState | undefined,
): Op | undefined {
  const { name, text, at, reader } = use;
  if (name === '') {
    const hint = `${text} expands to nothing`;
    throw new SourceError('DOCKERFILE_STAGE', 'from needs a stage or an image', at, { hint });
  }
  const context = scope.contexts.find(name);
  if (context?.kind === 'directory') return { op: 'context', name: context.name };
  if (name === 'scratch' && context === undefined) return { op: 'scratch' };
  const stage = findStage(scope.file.stages, name);
  if (stage !== undefined && context === undefined) {
    if (stage.index < reader) return stageAfter(stage)?.op;
    throw badStageOrder(stage, use);
  }
  if (/^\d+$/.test(name) && context === undefined) {
    const hint = `stages are counted from 0; this file has ${scope.file.stages.length}`;
    throw new SourceError('DOCKERFILE_STAGE', `there is no stage ${name}`, at, { hint });
  }
  const { platform } = scope.options;
  const { key, config } = scope.image({ reference: context?.name ?? name, platform, at });
  return config === undefined ? undefined : { op: 'image', key };
}

function badStageOrder(stage: Stage, { name, at, reader }: SourceUse): SourceError {
  if (stage.index === reader) {
    const hint = 'a stage sees its own files without --from';
    return new SourceError('DOCKERFILE_STAGE', `stage ${name} copies from itself`, at, { hint });
  }
  const hint = `move stage ${stageName(stage)} above this one; a cycle between stages cannot be built`;
  const message = `stage ${name} comes later in the file than its use`;
  return new SourceError('DOCKERFILE_STAGE', message, at, { hint });
}

/** What an instruction reads from, as written. */
export function sourceNames(instruction: Instruction): string[] {
  if (instruction.kind === 'copy')
    return instruction.flags.from === undefined ? [] : [instruction.flags.from.text];
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap(({ options }) =>
    options.flatMap(({ key, value }) => (key === 'from' ? (value ?? []) : [])),
  );
}

import type { Stage } from '../dockerfile/index.ts';

/** By name in any case: the last of that name, as a later stage takes a name over. */
export function findNamedStage(stages: readonly Stage[], name: string): Stage | undefined {
  const lower = name.toLowerCase();
  return stages.findLast((stage) => stage.name === lower);
}

/** By name, or by index. */
export function findStage(stages: readonly Stage[], name: string): Stage | undefined {
  return findNamedStage(stages, name) ?? (/^\d+$/.test(name) ? stages[Number(name)] : undefined);
}

/** Its name as written, or its index. */
export function stageName(stage: Stage): string {
  return stage.name ?? String(stage.index);
}

import type { Stage } from '../dockerfile/index.ts';

/** By name in any case, or by index. */
export function findStage(stages: readonly Stage[], name: string): Stage | undefined {
  const lower = name.toLowerCase();
  return (
    stages.find((stage) => stage.name?.toLowerCase() === lower) ??
    (/^\d+$/.test(name) ? stages[Number(name)] : undefined)
  );
}

/** Its name as written, or its index. */
export function stageName(stage: Stage): string {
  return stage.name ?? String(stage.index);
}

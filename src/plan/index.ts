export {
  type CopyOp,
  type InlineFile,
  type Op,
  type RunCommand,
  type StepOp,
  type StepOrigin,
} from './op.ts';
export { planBuild } from './plan-build.ts';
export { environmentMap } from './stage-state.ts';
export { copyKey, imageStepKey, runKey, type StepKey, scratchKey, workdirKey } from './step-key.ts';
export type {
  HistoryDraft,
  ImageNeed,
  Plan,
  PlannedStage,
  PlanOptions,
  PlanOutcome,
  PlanWarning,
} from './types.ts';

export { type CheckOptions, type CheckResult, runChecks, type SelectedName } from './checks/index.ts';
export { type GitRef, parseGitRef, redacted } from './git-ref.ts';
export {
  type BindMount,
  type CacheMount,
  type CopyOp,
  type CopySource,
  type InlineFile,
  type MountOwner,
  type Op,
  type RunCommand,
  type RunMount,
  type StepOp,
  type StepOrigin,
} from './op.ts';
export { listTargets, type Outline, type OutlineMount, outlineOf, type Target } from './outline.ts';
export { planBuild } from './plan-build.ts';
export { sharePlans } from './share-ops.ts';
export { findStage, stageName } from './stage-name.ts';
export { environmentMap } from './stage-state.ts';
export {
  copyKey,
  imageStepKey,
  linkedKey,
  linkKey,
  runKey,
  type StepKey,
  scratchKey,
  workdirKey,
} from './step-key.ts';
export type {
  Entitlement,
  HistoryDraft,
  ImageNeed,
  Plan,
  PlannedStage,
  PlanOptions,
  PlanOutcome,
  PlanWarning,
  Setting,
  SettingOrigins,
} from './types.ts';

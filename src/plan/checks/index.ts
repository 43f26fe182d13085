export { type CheckResult, runChecks } from './run-checks.ts';
export type { CheckOptions, SelectedName } from './walk.ts';

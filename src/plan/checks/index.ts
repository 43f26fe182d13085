export { type CheckResult, runChecks } from './run-checks.ts';
export type { CheckOptions } from './walk.ts';

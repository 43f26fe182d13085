export type { BuildEvent, EventSink, StepInfo } from './events.ts';
export { Pace } from './pace.ts';
export type * from './ports.ts';
export { userOf } from './run-step.ts';
export type { Solved } from './solved.ts';
export { Solver, type SolverOptions, type SolverPorts } from './solver.ts';
export type { Clock } from './step-log.ts';
export { TreeCache } from './tree-cache.ts';

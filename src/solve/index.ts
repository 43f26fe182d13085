export { contentSource } from './content-source.ts';
export type { BuildEvent, EventSink, StepInfo } from './events.ts';
export {
  asLocal,
  type LayerRecord,
  layerSize,
  readBlobDiffId,
  readLayerRecord,
  writeBlobDiffId,
  writeLayerRecord,
} from './layer-record.ts';
export { OutputTail } from './output-tail.ts';
export type * from './ports/index.ts';
export { userOf } from './run-step.ts';
export { Semaphore } from './semaphore.ts';
export type { Solved } from './solved.ts';
export { Solver, type SolverOptions, type SolverPorts } from './solver.ts';
export { type Clock, locateError } from './step-log.ts';
export { TreeCache } from './tree-cache.ts';
export { inTurns, nextTurn, turnIsOver } from './turns.ts';

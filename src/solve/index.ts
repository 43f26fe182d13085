export type { BuildEvent, EventSink, StepInfo } from './events.ts';
export type * from './ports.ts';

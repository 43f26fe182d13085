export type * from './images.ts';
export type * from './runtime.ts';
export type * from './sources.ts';
export type * from './store.ts';

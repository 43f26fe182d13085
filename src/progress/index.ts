export { createRenderer } from './create-renderer.ts';
export { escapeJson, formatSize } from './text.ts';
export type { ProgressMode, Renderer, Screen } from './types.ts';

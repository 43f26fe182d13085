export { createRenderer } from './create-renderer.ts';
export { cut, escapeJson, formatSize, textWidth } from './text.ts';
export type { ProgressMode, Renderer, Screen } from './types.ts';

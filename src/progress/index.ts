export { createRenderer } from './create-renderer.ts';
export { escapeJson, formatSize, textWidth } from './text.ts';
export type { ProgressMode, Renderer, Screen } from './types.ts';

import { escapeJson } from '../progress/index.ts';

/** Indented JSON with a line end, safe to print. */
export function formatJson(data: object): string {
  return `${escapeJson(JSON.stringify(data, null, 2))}\n`;
}

import { stripVTControlCharacters } from 'node:util';
import { printable } from '../errors/index.ts';

/** Seconds with one decimal: `1.2s`. */
export function seconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(1)}s`;
}

/**
 * A line of a child's output made safe to print: what a carriage return overwrites is gone, escape sequences
 * are stripped, other control characters are shown as escapes.
 */
export function cleanLine(line: string): string {
  const kept = line.replace(/\r+$/, '');
  return printable(stripVTControlCharacters(kept.slice(kept.lastIndexOf('\r') + 1)));
}

/** Outside text on one line, safe to print. */
export function oneLine(text: string): string {
  return printable(text.replace(/\s*\n\s*/g, ' '));
}

/** Bytes in decimal units with three significant digits, as Docker prints them: `77.8MB`. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let [value, unit] = [bytes, 0];
  while (Number(value.toPrecision(3)) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${units[unit]}`;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NARROWEST = /[\p{Mn}\p{Me}\p{Cf}]/u;

function cellsOf(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (NARROWEST.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/** Cells a text takes on a terminal; it must hold no control characters. */
export function displayWidth(text: string): number {
  let cells = 0;
  for (const char of text) cells += cellsOf(char);
  return cells;
}

/** Cuts a text to at most `cells` cells; the last one becomes `…` when something was cut. */
export function truncate(text: string, cells: number): string {
  if (text.length <= cells && !/[^\u0020-\u007e]/.test(text)) return text;
  if (displayWidth(text) <= cells) return text;
  let [kept, used] = ['', 0];
  for (const char of text) {
    const width = cellsOf(char);
    if (used + width > cells - 1) break;
    kept += char;
    used += width;
  }
  return cells > 0 ? `${kept}…` : '';
}

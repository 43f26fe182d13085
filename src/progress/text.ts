import { stripVTControlCharacters } from 'node:util';
import { printable } from '../errors/index.ts';

/** One line of text from outside, safe to print: escape sequences go, other control characters become visible. */
export function cleanLine(text: string): string {
  return printable(stripVTControlCharacters(text)).replaceAll('\n', ' ');
}

/** Characters that take two columns in a terminal; an approximation of Unicode's East Asian Width. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
const ZERO = /\p{Mn}|\p{Me}|\p{Cf}/u;

function charWidth(char: string): number {
  if (char <= '~') return 1;
  if (ZERO.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/** Columns that a line takes in a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** The beginning of a line that fits, with `…` where something was cut. Tabs count as one column: write none. */
export function cut(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let [width, kept] = [0, ''];
  for (const char of text) {
    width += charWidth(char);
    if (width > columns - 1) break;
    kept += char;
  }
  return columns > 0 ? `${kept}…` : '';
}

/** Seconds with one digit: `1.2s`; minutes from one minute on: `2m05s`. */
export function formatElapsed(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes as docker prints them: decimal units, three digits: `12.3MB`. */
export function formatSize(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < UNITS.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${Number(value.toPrecision(3))}${UNITS[unit]}`;
}

/** JSON with escapes for the characters that a terminal acts upon; JSON itself escapes C0 only. The data is the same. */
export function escapeJson(json: string): string {
  return json.replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

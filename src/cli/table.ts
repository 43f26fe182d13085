import { LapidaryError, printable } from '../errors/index.ts';
import { textWidth } from '../progress/index.ts';
import { compileTemplate, toJson, type Value } from './template/index.ts';

type Row = { readonly [field: string]: Value };
export type TableSpec<T extends Row> = {
  /** Heading of every field that a template may use. */
  readonly headings: { readonly [K in keyof T]: string };
  /** The fields of the table when no format is given. */
  readonly columns: readonly (keyof T & string)[];
};

const MIN_WIDTH = 10;
const GAP = 3;

/**
 * Rows as docker's `--format` has them: a table by default; `table TEMPLATE` with headings and columns at `\t`;
 * `json` for an object a line; or a template for each row.
 *
 * @throws SourceError USAGE for a template that is not understood
 */
export function formatRows<T extends Row>(rows: readonly T[], spec: TableSpec<T>, format = 'table'): string {
  if (format === 'json') return lines(rows.map((row) => toJson(row)));
  const table = /^table(?:\s+|$)/.exec(format);
  if (table === null) {
    const render = compileTemplate(format);
    return lines(rows.map((row) => render(row)));
  }
  const columns = spec.columns.map((name) => `{{.${name}}}`).join('\\t');
  const render = compileTemplate(format.slice(table[0].length) || columns);
  return alignColumns([spec.headings, ...rows].map((row) => render(row).split('\t')));
}

/** Columns as docker aligns them: at least 10 wide, 3 apart; the last one is not padded. */
export function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      widths[i] = Math.max(widths[i] ?? MIN_WIDTH, textWidth(printable(cell)) + GAP);
    }
  }
  return lines(
    rows.map((row) =>
      row.map((cell, i) => (i === row.length - 1 ? cell : pad(printable(cell), widths[i] ?? 0))).join(''),
    ),
  );
}

/** @throws LapidaryError USAGE when flags that exclude each other are given */
export function exclusive(flags: Readonly<Record<string, boolean>>): void {
  const given = Object.keys(flags).filter((flag) => flags[flag]);
  if (given.length < 2) return;
  throw new LapidaryError('USAGE', `${given.join(' and ')} exclude each other`, { hint: 'give one of them' });
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}

function lines(rows: readonly string[]): string {
  return printable(rows.map((row) => `${row}\n`).join(''));
}

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ERROR_CODES } from '../src/errors/index.ts';

const PATH = join(import.meta.dirname, '../docs/errors.md');
const TABLE = join(import.meta.dirname, '../src/errors/codes.ts');

/** The page of all error codes, grouped by the comments of the table they stand in. */
function page(source: string): string {
  const lines = [
    '# Error codes',
    '',
    'Every error that you can act on has a code that stays the same between versions. It stands in brackets before the',
    'message, and as `code` on the `LapidaryError` that the library throws. Below each message, `hint:` says what to do',
    'next; `--verbose` adds the cause.',
    '',
    '    error[DOCKERFILE_UNKNOWN_FLAG]: COPY has no flag --form',
    '      hint: did you mean --from?',
    '',
    'Exit codes of the command line: 0 success, 1 an error of this list, 2 a command line that is not understood, 70 a bug',
    'in Lapidary, 130 interrupted. `lapidary run` passes on the exit code of what it ran.',
  ];
  const meanings: Readonly<Record<string, string>> = ERROR_CODES;
  for (const { heading, codes } of sections(source)) {
    const rows = codes.map((code): Row => [`\`${code}\``, meanings[code] ?? '']);
    lines.push('', `## ${heading}`, '', ...table(['code', 'meaning'], rows));
  }
  return `${lines.join('\n')}\n`;
}

type Row = readonly [string, string];

/** Headings are the comments of the table of codes. */
function sections(source: string): { readonly heading: string; readonly codes: readonly string[] }[] {
  const found: { heading: string; codes: string[] }[] = [];
  for (const [, heading, code] of source.matchAll(/^ {2}(?:\/\/ (.+)|([A-Z_]+):)/gm)) {
    if (heading !== undefined) found.push({ heading, codes: [] });
    else if (code !== undefined) found.at(-1)?.codes.push(code);
  }
  return found;
}

/** Columns padded to their widest cell, as the formatter has them. */
function table(head: Row, rows: readonly Row[]): string[] {
  const all = [head, ...rows];
  const [first, second] = [0, 1].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = ([a, b]: Row): string => `| ${a.padEnd(first ?? 0)} | ${b.padEnd(second ?? 0)} |`;
  return [line(head), `| ${'-'.repeat(first ?? 0)} | ${'-'.repeat(second ?? 0)} |`, ...rows.map(line)];
}

const want = page(await readFile(TABLE, 'utf8'));
const missing = Object.keys(ERROR_CODES).filter((code) => !want.includes(`\`${code}\``));
if (missing.length > 0) throw new Error(`docs/errors.md would lack ${missing.join(', ')}`);
if (!process.argv.includes('--check')) {
  await writeFile(PATH, want);
} else if ((await readFile(PATH, 'utf8').catch(() => '')) !== want) {
  console.error('docs/errors.md is out of date: run `npm run docs:errors`');
  process.exitCode = 1;
}

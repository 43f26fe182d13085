import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS } from '../src/cli/commands/index.ts';
import { commandMarkdown, indexMarkdown, pageName } from '../src/cli/help-markdown.ts';

const folder = join(import.meta.dirname, '../docs/cli');
const pages = new Map([
  ['README.md', indexMarkdown(COMMANDS)],
  ...COMMANDS.map((spec) => [pageName(spec), commandMarkdown(spec)] as const),
]);

mkdirSync(folder, { recursive: true });
const present = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
const stale = [...new Set([...present.keys(), ...pages.keys()])].filter(
  (name) => present.get(name) !== pages.get(name),
);
if (process.argv.includes('--check')) {
  for (const name of stale) process.stderr.write(`docs/cli/${name} is not what the commands say\n`);
  if (stale.length > 0) process.stderr.write('run: node scripts/write-cli-docs.ts\n');
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const name of stale) {
    const page = pages.get(name);
    if (page === undefined) rmSync(join(folder, name));
    else writeFileSync(join(folder, name), page);
  }
}

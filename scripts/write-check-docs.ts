import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLES } from '../src/plan/checks/examples.ts';
import { RULES, type Rule } from '../src/plan/checks/rules.ts';

const folder = join(import.meta.dirname, '../docs/checks');

const code = (text: string): string => `\`\`\`dockerfile\n${text.trimEnd()}\n\`\`\``;

function page(rule: Rule): string {
  const { bad: [bad] = [], good: [good = ''] = [] } = EXAMPLES[rule.name] ?? {};
  if (bad === undefined) throw new Error(`${rule.name} has no example`);
  const repaired =
    bad.fixed === undefined ? [] : ['`lapidary build --check --fix` makes of it:', code(bad.fixed)];
  const more = [
    ...(rule.experimental === true
      ? [`It holds only where it is asked for: \`# check=experimental=${rule.name}\`.`]
      : []),
    ...(rule.experimental === true ? [] : [`\`# check=skip=${rule.name}\` turns it off for a Dockerfile.`]),
    rule.own === true
      ? 'A check of Lapidary.'
      : `A check that BuildKit has under the same name: <${rule.url ?? ''}>.`,
  ];
  const parts = [
    `# ${rule.name}`,
    `${rule.summary}.`.replace(/\.\.$/, '.'),
    rule.why,
    '## What is told',
    code(bad.text),
    ...bad.messages.map((message) => `> ${rule.name}: ${message}`),
    ...repaired,
    '## What is not',
    code(good),
    ...more,
  ];
  return `${parts.join('\n\n')}\n`;
}

type Row = readonly [string, string, string];

const row = ({ name, summary, own }: Rule): Row => [
  `[${name}](${name}.md)`,
  own === true ? 'Lapidary' : 'BuildKit',
  summary,
];

/** Columns padded to their widest cell, as the formatter has them. */
function table(rows: readonly Row[]): string {
  const all: readonly Row[] = [['check', 'of', 'what it wants'], ...rows];
  const widths = [0, 1, 2].map((column) => Math.max(...all.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = all.map(line);
  return [head, line(widths.map((width) => '-'.repeat(width))), ...body].join('\n');
}

function index(): string {
  return `# Checks

What \`lapidary build\` warns of, and \`lapidary build --check\` tells without building. The second column says whose rule it
is: those of BuildKit have its names, messages and meaning.

At the top of a Dockerfile, \`# check=skip=RULE,RULE\` turns rules off (\`skip=all\` every one), \`error=true\` makes findings fail
the build, and \`experimental=RULE\` turns on what is off by default; several are separated by \`;\`. The build argument
\`BUILDKIT_DOCKERFILE_CHECK\` has the same form and is taken instead.

\`--check\` has exit code 1 when it finds anything. \`--fix\` repairs what can be repaired without changing what is meant,
says what it did, and checks again. \`--call=check,format=json\` prints what buildx prints.

${table(RULES.map(row))}
`;
}

const pages = new Map([
  ['README.md', index()],
  ...RULES.map((rule) => [`${rule.name}.md`, page(rule)] as const),
]);
mkdirSync(folder, { recursive: true });
const present = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
const stale = [...new Set([...present.keys(), ...pages.keys()])].filter(
  (name) => present.get(name) !== pages.get(name),
);
if (process.argv.includes('--check')) {
  for (const name of stale) process.stderr.write(`docs/checks/${name} is not what the rules say\n`);
  if (stale.length > 0) process.stderr.write('run: node scripts/write-check-docs.ts\n');
  process.exitCode = stale.length > 0 ? 1 : 0;
} else {
  for (const name of stale) {
    const text = pages.get(name);
    if (text === undefined) rmSync(join(folder, name));
    else writeFileSync(join(folder, name), text);
  }
}

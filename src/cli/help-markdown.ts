import type { CommandSpec } from './command.ts';
import { describe, optionGroups, usageLine } from './help.ts';

/** The page docs/cli/COMMAND.md. */
export function commandMarkdown(spec: CommandSpec): string {
  return [
    `# lapidary ${spec.name}`,
    '',
    `${spec.summary}.`,
    '',
    '```',
    usageLine(spec),
    '```',
    ...(spec.details ?? []).flatMap((text) => ['', text]),
    '',
    ...optionGroups(spec).flatMap(([title, options], index) => [
      ...(index === 0 ? [] : ['']),
      `## ${title}`,
      '',
      ...table([
        ['Flag', 'Meaning'],
        ...options.map((option) => [code(option.flags), describe(option)] as const),
      ]),
    ]),
    ...unsupported(spec),
    '',
    '## Examples',
    ...spec.examples.flatMap(({ text, command }) => ['', `${text}:`, '', '```sh', command, '```']),
    '',
  ].join('\n');
}

/** `manifest-create.md` for `manifest create`. */
export function pageName({ name }: CommandSpec): string {
  return `${name.replaceAll(' ', '-')}.md`;
}

/** The page docs/cli/README.md. */
export function indexMarkdown(commands: readonly CommandSpec[]): string {
  const rows = commands.map((spec) => [`[${code(spec.name)}](${pageName(spec)})`, spec.summary] as const);
  return ['# Command line', '', ...table([['Command', 'What it does'], ...rows]), ''].join('\n');
}

function unsupported({ options }: CommandSpec): string[] {
  const rows = options.flatMap(({ flags, unsupported }) =>
    unsupported === undefined ? [] : [[code(flags), unsupported] as const],
  );
  if (rows.length === 0) return [];
  const text = "Flags of docker's that are an error here, so that nothing is silently left out.";
  return ['', '## Not supported', '', text, '', ...table([['Flag', 'Instead'], ...rows])];
}

const code = (text: string): string => `\`${text}\``;

/** Aligned, as the formatter of this repository wants it. The first row is the head. */
function table(rows: readonly (readonly [string, string])[]): string[] {
  const cells = rows.map((row) => row.map((text) => text.replaceAll('|', '\\|')));
  const widths = [0, 1].map((i) => Math.max(...cells.map((row) => (row[i] ?? '').length)));
  const rule = widths.map((width) => '-'.repeat(width));
  return [...cells.slice(0, 1), rule, ...cells.slice(1)].map(
    (row) => `| ${row.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`,
  );
}

import type { CommandSpec, OptionSpec } from './command.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';

const WIDTH = 100;

/** `lapidary --help`, or `lapidary GROUP --help` for commands of two words. */
export function programHelp(commands: readonly CommandSpec[], group?: string): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  return [
    `Usage: lapidary ${group === undefined ? '' : `${group} `}COMMAND [OPTIONS]`,
    '',
    'Builds container images from a Dockerfile, or from a Crystal project: no daemon, no Docker.',
    '',
    'Commands:',
    columns(rows),
    '',
    'Options:',
    columns([...GLOBAL_OPTIONS.map(row), ['    --version', 'Print the version']]),
    '',
    'See `lapidary COMMAND --help` for the flags of a command.',
    '',
  ].join('\n');
}

/** `lapidary COMMAND --help`. */
export function commandHelp(spec: CommandSpec): string {
  return [
    usageLine(spec).replace(/^/, 'Usage: '),
    '',
    `${spec.summary}.`,
    ...(spec.details ?? []).flatMap((text) => ['', wrap(text, WIDTH).join('\n')]),
    '',
    ...optionGroups(spec).flatMap(([title, options]) => [`${title}:`, columns(options.map(row)), '']),
    'Examples:',
    ...spec.examples.flatMap(({ text, command }) => [`  # ${text}`, `  ${command.replaceAll('\n', '\n  ')}`]),
    '',
  ].join('\n');
}

/** The flags that can be used, without those of every command. */
function visible({ options }: CommandSpec): OptionSpec[] {
  return options.filter((option) => option.unsupported === undefined);
}

/** What can be used, under its headings. */
export function optionGroups(spec: CommandSpec): [title: string, options: OptionSpec[]][] {
  const groups = Map.groupBy([...visible(spec), ...GLOBAL_OPTIONS], ({ group = 'Options' }) => group);
  return [...groups];
}

export function usageLine({ name, args }: CommandSpec): string {
  return `lapidary ${name} [OPTIONS] ${args}`.trimEnd();
}

export function describe({ help, repeat }: OptionSpec): string {
  return repeat === true ? `${help} (may be repeated)` : help;
}

function row(option: OptionSpec): readonly [string, string] {
  const { flags } = option;
  return [flags.startsWith('--') ? `    ${flags}` : flags, describe(option)];
}

/** Two columns, the second wrapped. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const left = Math.min(34, Math.max(...rows.map(([text]) => text.length))) + 2;
  return rows
    .flatMap(([first, second]) => {
      const lines = wrap(second, WIDTH - left - 2);
      const head = first.length + 2 > left ? [`  ${first}`] : [];
      return [
        ...head,
        ...lines.map((line, i) => `  ${(i === 0 && head.length === 0 ? first : '').padEnd(left)}${line}`),
      ];
    })
    .join('\n');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

import { EXIT, LapidaryError, quoted, suggest } from '../errors/index.ts';
import type { CommandSpec } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { GLOBAL_OPTIONS } from './global-options.ts';
import { commandHelp, programHelp } from './help.ts';
import type { Io } from './io.ts';
import { parseArgs } from './parse-args.ts';

/** What is known of how to report errors, once flags are read. */
export type Settings = { verbose: boolean };

/** The words of a command line: flags before the name of the command, the name, what comes after it. */
export type CommandLine = {
  readonly before: readonly string[];
  readonly name: string | undefined;
  readonly rest: readonly string[];
};

/** Finds the command and runs it. @throws LapidaryError USAGE, and what the command throws */
export async function dispatch(
  { before, name, rest }: CommandLine,
  io: Io,
  settings: Settings,
): Promise<number> {
  const wantsHelp = name === undefined || name === 'help' || name === '--help' || name === '-h';
  const [target, ...after] = wantsHelp ? rest : [name, ...rest];
  const group = target === undefined ? COMMANDS : COMMANDS.filter((one) => one.name.startsWith(`${target} `));
  const isGroup = group.length > 0;
  if (isGroup && (after.length === 0 || /^(-h|--help|help)$/.test(after[0] ?? ''))) {
    io.stdout.write(programHelp(group, target));
    return EXIT.ok;
  }
  const command = findCommand(isGroup ? `${target} ${after[0]}` : (target ?? ''), COMMANDS);
  if (wantsHelp) {
    io.stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  const argv = isGroup ? after.slice(1) : after;
  return invoke(command, [...before, ...argv], { io, settings });
}

async function invoke(
  command: CommandSpec,
  argv: readonly string[],
  more: { readonly io: Io; readonly settings: Settings },
): Promise<number> {
  const { io, settings } = more;
  const { flags, args } = parseArgs(command, [...command.options, ...GLOBAL_OPTIONS], argv);
  settings.verbose = flags.on('verbose');
  if (flags.on('help')) {
    io.stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  return command.run({ flags, args, io });
}

function findCommand(name: string, commands: readonly CommandSpec[]): CommandSpec {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const what = name.startsWith('-') ? 'flag' : 'command';
  const near = suggest(
    name,
    commands.map((command) => command.name),
  );
  throw new LapidaryError('USAGE', `there is no ${what} ${quoted(name)}`, {
    hint: near === undefined ? 'see lapidary --help' : `did you mean lapidary ${near}?`,
  });
}

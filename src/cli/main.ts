import { EXIT, LapidaryError, quoted, suggest } from '../errors/index.ts';
import type { CommandSpec } from './command.ts';
import type { Io } from './io.ts';
import { packageVersion } from './version.ts';

/**
 * The command line. `argv` begins after the program's name. Never throws: everything is told on standard error.
 *
 * @returns the exit code, see `EXIT`; that of the container for `run`
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const pipe = new AbortController();
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
    pipe.abort();
  };
  io.stdout.on('error', onError);
  io.stderr.on('error', onError);
  const settings = { verbose: false };
  const withPipe: Io = { ...io, signal: AbortSignal.any([io.signal, pipe.signal]) };
  try {
    return await dispatch(argv, withPipe, settings);
  } catch (error) {
    if (pipe.signal.aborted) return EXIT.failed; // whoever read the output has gone: there is nobody to tell
    const { reportError } = await import('./report-error.ts');
    return reportError(error, { io, verbose: settings.verbose });
  }
}

type Settings = { verbose: boolean };

async function dispatch(given: readonly string[], io: Io, settings: Settings): Promise<number> {
  const { before, name, rest } = splitArgv(given);
  if (name === '--version' || name === '-v') {
    io.stdout.write(`lapidary ${packageVersion()}\n`);
    return EXIT.ok;
  }
  const { COMMANDS } = await import('./commands/index.ts');
  const wantsHelp = name === undefined || name === 'help' || name === '--help' || name === '-h';
  const [target, ...after] = wantsHelp ? rest : [name, ...rest];
  const group = target === undefined ? COMMANDS : COMMANDS.filter((one) => one.name.startsWith(`${target} `));
  const { commandHelp, programHelp } = await import('./help.ts');
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
  return invoke(command, [...before, ...argv], { io, settings, commandHelp });
}

async function invoke(
  command: CommandSpec,
  argv: readonly string[],
  more: { readonly io: Io; readonly settings: Settings; readonly commandHelp: (spec: CommandSpec) => string },
): Promise<number> {
  const { io, settings, commandHelp } = more;
  const [{ parseArgs }, { GLOBAL_OPTIONS }] = await Promise.all([
    import('./parse-args.ts'),
    import('./global-options.ts'),
  ]);
  const { flags, args } = parseArgs(command, [...command.options, ...GLOBAL_OPTIONS], argv);
  settings.verbose = flags.on('verbose');
  if (flags.on('help')) {
    io.stdout.write(commandHelp(command));
    return EXIT.ok;
  }
  return command.run({ flags, args, io });
}

/** Flags of every command may also stand before its name. */
function splitArgv(argv: readonly string[]): {
  readonly before: readonly string[];
  readonly name: string | undefined;
  readonly rest: readonly string[];
} {
  let at = 0;
  for (; at < argv.length; at += argv[at] === '--store' ? 2 : 1) {
    if (argv[at] !== '--verbose' && argv[at] !== '--store' && !argv[at]?.startsWith('--store=')) break;
  }
  return { before: argv.slice(0, at), name: argv[at], rest: argv.slice(at + 1) };
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

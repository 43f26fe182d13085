import { Command, CommanderError, Option } from 'commander';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { type CommandSpec, Flags, longName, type OptionSpec, takesValue } from './command.ts';

export type ParsedArgs = { readonly flags: Flags; readonly args: readonly string[] };

/**
 * Reads the arguments that follow a command's name.
 *
 * @throws LapidaryError USAGE, with the nearest flag where one is unknown; UNSUPPORTED
 */
export function parseArgs(
  spec: CommandSpec,
  options: readonly OptionSpec[],
  argv: readonly string[],
): ParsedArgs {
  const values = new Map<string, string[]>();
  const program = new Command(`lapidary ${spec.name}`)
    .argument('[args...]')
    .helpOption(false)
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    .showSuggestionAfterError(false)
    .passThroughOptions(spec.passThrough ?? false);
  for (const option of options) addOption(program, option, values);
  try {
    program.parse(withBare(argv, options), { from: 'user' });
  } catch (error) {
    throw error instanceof CommanderError ? usageError(error, spec, options) : error;
  }
  const flags = new Flags(values);
  if (!flags.on('help')) checkArity(spec, program.args);
  return { flags, args: program.args };
}

/** Says the value of flags that may go without one, so that what follows them is never taken for it. */
function withBare(argv: readonly string[], options: readonly OptionSpec[]): string[] {
  const bare = new Map(options.flatMap((one) => (one.bare ? [[`--${longName(one)}`, one.bare]] : [])));
  const end = argv.indexOf('--');
  return argv.map((text, i) => {
    const value = end >= 0 && i > end ? undefined : bare.get(text);
    return value === undefined ? text : `${text}=${value}`;
  });
}

function addOption(program: Command, spec: OptionSpec, values: Map<string, string[]>): void {
  const name = longName(spec);
  const list: string[] = [];
  values.set(name, list);
  program.addOption(
    new Option(takesValue(spec) ? spec.flags.replace(/(?: (\S+)|\[=(\S+)\])$/, ' <$1$2>') : spec.flags),
  );
  program.on(`option:${name}`, (value: string | null) => {
    if (spec.unsupported !== undefined) {
      throw new LapidaryError('UNSUPPORTED', `--${name} is not supported`, { hint: spec.unsupported });
    }
    list.push(value ?? 'true');
  });
}

function usageError(error: CommanderError, spec: CommandSpec, options: readonly OptionSpec[]): LapidaryError {
  const flag = /'([^']*)/.exec(error.message)?.[1] ?? '';
  const help = `see lapidary ${spec.name} --help`;
  if (error.code === 'commander.optionMissingArgument') {
    return new LapidaryError('USAGE', `${flag.replace(/ <.*/, '')} needs a value`, { hint: help });
  }
  if (error.code !== 'commander.unknownOption') {
    return new LapidaryError('USAGE', error.message.replace(/^error: /, ''), { hint: help });
  }
  const [bare = '', value] = flag.split('=', 2);
  const known = options.filter((option) => option.unsupported === undefined);
  if (value !== undefined && known.some((option) => `--${longName(option)}` === bare)) {
    return new LapidaryError('USAGE', `${bare} takes no value`, { hint: help });
  }
  const near = bare.startsWith('--') ? suggest(bare.slice(2), known.map(longName)) : undefined;
  return new LapidaryError('USAGE', `${spec.name} has no flag ${quoted(bare)}`, {
    hint: near === undefined ? help : `did you mean --${near}?`,
  });
}

function checkArity({ name, args, arity: [least, greatest] }: CommandSpec, given: readonly string[]): void {
  const hint = `usage: lapidary ${name} [OPTIONS] ${args}`.trimEnd();
  if (given.length < least) {
    const what = least === 1 ? 'an argument' : `${least} arguments`;
    throw new LapidaryError('USAGE', `${name} needs ${what}: ${args}`, { hint });
  }
  if (given.length > greatest) {
    throw new LapidaryError('USAGE', `${name} does not take the argument ${quoted(given[greatest] ?? '')}`, {
      hint,
    });
  }
}

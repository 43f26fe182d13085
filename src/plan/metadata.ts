import type { CommandForm, Instruction, InstructionOf, Word } from '../dockerfile/index.ts';
import { SourceError } from '../errors/index.ts';
import { type Healthcheck, parseGoDuration } from '../oci/index.ts';
import type { StageState } from './stage-state.ts';

/** Instructions that change the configuration and never make work. */
export type MetadataInstruction = Extract<
  Instruction,
  {
    kind:
      | 'arg'
      | 'env'
      | 'label'
      | 'cmd'
      | 'entrypoint'
      | 'user'
      | 'expose'
      | 'volume'
      | 'stopsignal'
      | 'shell'
      | 'maintainer'
      | 'onbuild'
      | 'healthcheck';
  }
>;

/** Applies one of them; the history line says what was set, after expansion, as Docker's does. */
export function applyMetadata(state: StageState, instruction: MetadataInstruction): void {
  const line = applyAndDescribe(state, instruction);
  state.history.push({ createdBy: line });
}

function applyAndDescribe(state: StageState, instruction: MetadataInstruction): string {
  const { config } = state;
  switch (instruction.kind) {
    case 'arg':
      return applyArg(state, instruction);
    case 'env':
      return applyEnv(state, instruction);
    case 'label':
      return applyLabel(state, instruction);
    case 'cmd':
      config.Cmd = commandOf(state, instruction.command);
      state.ownCommand = true;
      return `CMD ${JSON.stringify(config.Cmd)}`;
    case 'entrypoint':
      config.Entrypoint = commandOf(state, instruction.command);
      if (!state.ownCommand) delete config.Cmd;
      return `ENTRYPOINT ${JSON.stringify(config.Entrypoint)}`;
    case 'user':
      config.User = state.expand(instruction.user);
      return `USER ${config.User}`;
    case 'expose':
      return applyExpose(state, instruction);
    case 'volume': {
      const paths = instruction.paths.map((path) => nonEmpty(state, path, 'VOLUME needs a path'));
      config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
      return `VOLUME [${paths.join(' ')}]`;
    }
    case 'stopsignal':
      config.StopSignal = stopSignal(state, instruction);
      return `STOPSIGNAL ${config.StopSignal}`;
    case 'shell':
      config.Shell = instruction.argv;
      return `SHELL [${instruction.argv.join(' ')}]`;
    case 'maintainer':
      return `MAINTAINER ${instruction.name.text}`;
    case 'onbuild':
      config.OnBuild = [...(config.OnBuild ?? []), instruction.triggerText];
      return `ONBUILD ${instruction.triggerText}`;
    case 'healthcheck':
      config.Healthcheck = healthcheckOf(state, instruction);
      return instruction.text;
  }
}

function applyArg(state: StageState, { args, text }: InstructionOf<'arg'>): string {
  for (const { name, value } of args) {
    const lookup = state.lookup();
    const key = state.expand(name, lookup);
    state.args.declare(key, value === undefined ? undefined : state.expand(value, lookup));
  }
  return text;
}

function applyEnv(state: StageState, { pairs }: InstructionOf<'env'>): string {
  const lookup = state.lookup();
  const set = pairs.map(
    ({ name, value }) => [state.expand(name, lookup), state.expand(value, lookup)] as const,
  );
  for (const [name, value] of set) state.setEnv(name, value);
  return `ENV ${set.map(([name, value]) => `${name}=${value}`).join(' ')}`;
}

function applyLabel(state: StageState, { pairs }: InstructionOf<'label'>): string {
  const lookup = state.lookup();
  const set = pairs.map(
    ({ name, value }) => [state.expand(name, lookup), state.expand(value, lookup)] as const,
  );
  state.config.Labels = { ...state.config.Labels, ...Object.fromEntries(set) };
  return `LABEL ${set.map(([name, value]) => `${name}=${value}`).join(' ')}`;
}

/** The argument vector of CMD or ENTRYPOINT: a shell form is wrapped in the current SHELL. */
export function commandOf(state: StageState, command: CommandForm): readonly string[] {
  return command.form === 'exec' ? command.argv : [...state.shell, command.line];
}

const PORT = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i;

function applyExpose(state: StageState, instruction: InstructionOf<'expose'>): string {
  const ports: Record<string, object> = { ...state.config.ExposedPorts };
  const added: string[] = [];
  for (const word of instruction.ports) {
    for (const text of state.expandAll([word])) added.push(...expandPort(state, word, text));
  }
  for (const port of added) ports[port] = {};
  state.config.ExposedPorts = ports;
  return `EXPOSE ${added.join(' ')}`;
}

function expandPort(state: StageState, word: Word, text: string): string[] {
  const [, from = '', to = from, protocol = 'tcp'] = PORT.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === '' || first > 65_535 || last > 65_535 || last < first) {
    const hint = 'expected PORT, PORT/udp or FROM-TO, each at most 65535; a comment needs a line of its own';
    const message = `not a port: ${JSON.stringify(text)}`;
    throw new SourceError('DOCKERFILE_SYNTAX', message, state.at(word.span), { hint });
  }
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol.toLowerCase()}`);
}

function stopSignal(state: StageState, { signal }: InstructionOf<'stopsignal'>): string {
  const text = state.expand(signal);
  const number = Number(text);
  if (
    /^(?:SIG)?[A-Z][A-Z0-9+-]*$/.test(text.toUpperCase()) ||
    (/^\d+$/.test(text) && number >= 1 && number <= 64)
  ) {
    return text;
  }
  const hint = 'expected a name such as SIGTERM or a number from 1 to 64';
  throw new SourceError('DOCKERFILE_SYNTAX', `not a signal: ${JSON.stringify(text)}`, state.at(signal.span), {
    hint,
  });
}

function nonEmpty(state: StageState, word: Word, message: string): string {
  const text = state.expand(word);
  if (text !== '') return text;
  throw new SourceError(
    'DOCKERFILE_SYNTAX',
    `${message}: ${JSON.stringify(word.text)} is empty`,
    state.at(word.span),
  );
}

/** Times in nanoseconds; 0 and absent mean "inherit", so a zero is an error here as it is in Docker. */
function healthcheckOf(state: StageState, instruction: InstructionOf<'healthcheck'>): Healthcheck {
  const { command } = instruction;
  if (command === undefined) return { Test: ['NONE'] };
  const duration = (word: Word | undefined, flag: string): number | undefined =>
    word === undefined ? undefined : parseDuration(state, word, flag);
  const parts = {
    Interval: duration(instruction.interval, '--interval'),
    Timeout: duration(instruction.timeout, '--timeout'),
    StartPeriod: duration(instruction.startPeriod, '--start-period'),
    StartInterval: duration(instruction.startInterval, '--start-interval'),
    Retries: instruction.retries === undefined ? undefined : parseRetries(state, instruction.retries),
  };
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
  const test = command.form === 'exec' ? ['CMD', ...command.argv] : ['CMD-SHELL', command.line];
  return { Test: test, ...given };
}

const MILLISECOND = 1_000_000;

function parseDuration(state: StageState, word: Word, flag: string): number {
  const text = state.expand(word);
  const fail = (expected: string): SourceError =>
    new SourceError('DOCKERFILE_BAD_FLAG', `${flag} cannot be ${JSON.stringify(text)}`, state.at(word.span), {
      hint: expected,
    });
  let ns: number;
  try {
    ns = parseGoDuration(text);
  } catch {
    throw fail('expected a duration such as 30s, 1m30s or 500ms');
  }
  if (ns !== 0 && ns < MILLISECOND) throw fail('expected at least 1ms');
  return ns;
}

function parseRetries(state: StageState, word: Word): number {
  const text = state.expand(word);
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count)) return count;
  throw new SourceError(
    'DOCKERFILE_BAD_FLAG',
    `--retries cannot be ${JSON.stringify(text)}`,
    state.at(word.span),
    {
      hint: 'expected a whole number, 0 or more',
    },
  );
}

import type { CommandForm, Instruction, InstructionOf, Word } from '../dockerfile/index.ts';
import { quoted, SourceError } from '../errors/index.ts';
import { goQuoteList } from './go-format.ts';
import { applyHealthcheck } from './healthcheck.ts';
import { parsePort } from './ports.ts';
import { isSignal, suggestSignal } from './signals.ts';
import type { StageState } from './stage-state.ts';
import { applyUnset } from './unset.ts';

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
      | 'healthcheck'
      | 'unset';
  }
>;

/** Applies one of them; the history line says what was set, after expansion, in the words of BuildKit. */
export function applyMetadata(state: StageState, instruction: MetadataInstruction): void {
  const line = applyAndDescribe(state, instruction);
  if (line !== undefined) state.history.push({ createdBy: line });
}

function applyAndDescribe(state: StageState, instruction: MetadataInstruction): string | undefined {
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
      config.ArgsEscaped = true;
      state.ownCommand = true;
      state.setBy(instruction, 'Cmd');
      return `CMD ${goQuoteList(config.Cmd)}`;
    case 'entrypoint':
      config.Entrypoint = commandOf(state, instruction.command);
      if (!state.ownCommand) delete config.Cmd;
      state.setBy(instruction, 'Entrypoint');
      return `ENTRYPOINT ${goQuoteList(config.Entrypoint)}`;
    case 'user':
      config.User = state.expand(instruction.user);
      state.setBy(instruction, 'User');
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
      state.author = instruction.name.text;
      return `MAINTAINER ${instruction.name.text}`;
    case 'onbuild':
      config.OnBuild = [...(config.OnBuild ?? []), instruction.triggerText];
      return undefined;
    case 'unset':
      applyUnset(state, instruction);
      return undefined;
    case 'healthcheck':
      state.setBy(instruction, 'Healthcheck');
      return applyHealthcheck(state, instruction);
  }
}

/** The name is taken as it is written; a default that is not used may be malformed. */
function applyArg(state: StageState, { args }: InstructionOf<'arg'>): string {
  const set = args.map(({ name, value }) => {
    const result = state.args.declare(name.text, value && (() => state.expand(value)));
    return result === undefined ? name.text : `${name.text}=${result}`;
  });
  return `ARG ${set.join(' ')}`;
}

function applyEnv(state: StageState, instruction: InstructionOf<'env'>): string {
  const lookup = state.lookup();
  const set = instruction.pairs.map(
    ({ name, value }) => [state.expand(name, lookup), state.expand(value, lookup)] as const,
  );
  for (const [name, value] of set) {
    state.setEnv(name, value);
    state.setBy(instruction, `Env ${name}`);
  }
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

function applyExpose(state: StageState, instruction: InstructionOf<'expose'>): string {
  // Sorted as written: the order of the history line
  const words = instruction.ports.toSorted((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  const added = words.flatMap((word) =>
    state.expandAll([word]).flatMap((text) => exposedPorts(state, word, text)),
  );
  state.config.ExposedPorts = {
    ...state.config.ExposedPorts,
    ...Object.fromEntries(added.map((port) => [port, {}])),
  };
  return `EXPOSE [${added.join(' ')}]`;
}

function exposedPorts(state: StageState, word: Word, text: string): string[] {
  const port = parsePort(text);
  if (port === undefined) {
    const hint = 'expected PORT, PORT/udp or FROM-TO, each at most 65535; a comment needs a line of its own';
    const message = `not a port: ${quoted(text)}`;
    throw new SourceError('DOCKERFILE_SYNTAX', message, state.at(word.span), { hint });
  }
  const { first, last, protocol } = port;
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol.toLowerCase()}`);
}

function stopSignal(state: StageState, { signal }: InstructionOf<'stopsignal'>): string {
  const text = state.expand(signal);
  if (isSignal(text)) return text;
  const near = suggestSignal(text);
  const hint = near === undefined ? 'expected a name such as SIGTERM or a number' : `did you mean ${near}?`;
  throw new SourceError('DOCKERFILE_SYNTAX', `not a signal: ${quoted(text)}`, state.at(signal.span), {
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

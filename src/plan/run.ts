import type { InstructionOf, Word } from '../dockerfile/index.ts';
import { quoted, SourceError, suggest } from '../errors/index.ts';
import { type MountSite, planMounts } from './mounts.ts';
import type { RunCommand, RunMount, ScriptFile, StepNetwork } from './op.ts';
import { environmentMap, type StageState } from './stage-state.ts';
import type { Entitlement } from './types.ts';

const encoder = new TextEncoder();

/** What the one who builds says of commands. */
export type RunSettings = {
  /** What `--network=default` and its absence mean. */
  readonly network: StepNetwork;
  readonly allow: ReadonlySet<Entitlement>;
  readonly hostname?: string;
  readonly execution?: string;
};

/**
 * RUN: the command and its environment, as a step on the stage's filesystem. False when something that it mounts is
 * not known yet and the stage cannot go on.
 */
export function applyRun(
  state: StageState,
  instruction: InstructionOf<'run'>,
  { settings, site }: { readonly settings: RunSettings; readonly site: MountSite },
): boolean {
  const [device] = instruction.devices;
  if (device) throw state.unsupported('RUN --device', device.span);
  const mounts = planMounts(state, instruction, site);
  if (mounts === undefined) return false;
  const { argv, files } = runArguments(state, instruction);
  const env = state.args.environment().map(pair);
  const command: RunCommand = {
    argv,
    platform: state.platform,
    env: [...env, ...agentVariable(mounts, env)],
    hiddenEnv: state.args.hidden().map(pair),
    cwd: state.cwd,
    user: state.config.User ?? '',
    network: networkOf(state, instruction, settings),
    files,
    mounts,
    insecure: isInsecure(state, instruction, settings),
    ...(settings.hostname === undefined ? {} : { hostname: settings.hostname }),
    ...(settings.execution === undefined ? {} : { execution: settings.execution }),
  };
  state.op = { op: 'run', base: state.op, command, origin: state.step(instruction) };
  state.history.push({ createdBy: `RUN ${seen(state)}${argv.join(' ')}`, op: state.op });
  return true;
}

/** The first agent is the one that programs find. */
function agentVariable(mounts: readonly RunMount[], env: readonly string[]): string[] {
  const agent = mounts.find((mount) => mount.type === 'ssh');
  if (agent === undefined || environmentMap(env).has('SSH_AUTH_SOCK')) return [];
  return [`SSH_AUTH_SOCK=${agent.target}`];
}

function networkOf(
  state: StageState,
  { network: word }: InstructionOf<'run'>,
  { network: usual, allow }: RunSettings,
): StepNetwork {
  if (word === undefined) return usual;
  const mode = flagValue(state, { flag: '--network', word, values: ['default', 'none', 'host'] });
  if (mode === 'default') return usual;
  if (mode === 'host') demand(state, { allow, need: 'network.host', word });
  return mode;
}

function isInsecure(
  state: StageState,
  { security: word }: InstructionOf<'run'>,
  { allow }: RunSettings,
): boolean {
  if (word === undefined) return false;
  const mode = flagValue(state, { flag: '--security', word, values: ['sandbox', 'insecure'] });
  if (mode === 'insecure') demand(state, { allow, need: 'security.insecure', word });
  return mode === 'insecure';
}

function flagValue<T extends string>(
  state: StageState,
  { flag, word, values }: { readonly flag: string; readonly word: Word; readonly values: readonly T[] },
): T {
  const text = state.expand(word);
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  const near = suggest(text, values);
  const hint = near === undefined ? `expected ${values.join(', ')}` : `did you mean ${near}?`;
  throw new SourceError('DOCKERFILE_BAD_FLAG', `RUN ${flag} cannot be ${quoted(text)}`, state.at(word.span), {
    hint,
  });
}

function demand(
  state: StageState,
  {
    allow,
    need,
    word,
  }: { readonly allow: ReadonlySet<Entitlement>; readonly need: Entitlement; readonly word: Word },
): void {
  if (allow.has(need)) return;
  const message = `this step asks for ${need}, which the build does not allow`;
  throw new SourceError('NOT_ALLOWED', message, state.at(word.span), { hint: `build with --allow ${need}` });
}

/** As BuildKit writes it: `|2 A=1 B=2` names the build arguments the command saw. */
function seen(state: StageState): string {
  const args = state.args.declared().map(pair);
  return args.length === 0 ? '' : `|${args.length} ${args.join(' ')} `;
}

const pair = ([name, value]: readonly [string, string]): string => `${name}=${value}`;

/** A line that is one here-document mark and nothing else; parts of the name may be quoted. */
const LONE_HEREDOC = /^<<-?\s*(?:"[^"]*"|'[^']*'|[^\s"'<>|&;()])+$/;

/** Where a here-document that is a script of its own is put for the time of the step. */
const SCRIPT_DIRECTORY = '/dev/pipes';

/**
 * A RUN that is nothing but a here-document runs its body: as a program when it starts with `#!`, else by the shell.
 * Any other here-document is the shell's business and is handed to it as written.
 */
function runArguments(
  state: StageState,
  { command }: InstructionOf<'run'>,
): { argv: readonly string[]; files: readonly ScriptFile[] } {
  if (command.form === 'exec') return { argv: command.argv, files: [] };
  const [heredoc, another] = command.heredocs;
  if (heredoc === undefined) return { argv: [...state.shell, command.line], files: [] };
  if (another !== undefined || !LONE_HEREDOC.test(command.line.trim())) {
    const bodies = command.heredocs.map((doc) => `\n${doc.body}${doc.name}`).join('');
    return { argv: [...state.shell, `${command.line}${bodies}`], files: [] };
  }
  if (!heredoc.body.startsWith('#!')) return { argv: [...state.shell, heredoc.body], files: [] };
  const path = `${SCRIPT_DIRECTORY}/${heredoc.name.replaceAll(/[^A-Za-z0-9._-]/g, '_')}`;
  return { argv: [path], files: [{ path, bytes: encoder.encode(heredoc.body) }] };
}

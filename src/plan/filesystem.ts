import { resolve } from 'node:path/posix';
import { expandHeredoc, type Heredoc, type InstructionOf, type Word } from '../dockerfile/index.ts';
import { SourceError } from '../errors/index.ts';
import type { InlineFile, Op, RunCommand, ScriptFile } from './op.ts';
import type { StageState } from './stage-state.ts';

const encoder = new TextEncoder();

/** RUN: the command and its environment, as a step on the stage's filesystem. */
export function applyRun(state: StageState, instruction: InstructionOf<'run'>): void {
  refuseRunFlags(state, instruction);
  const { argv, files } = runArguments(state, instruction);
  const env = state.args.environment().map(pair);
  const command: RunCommand = {
    argv,
    env,
    hiddenEnv: state.args.hidden().map(pair),
    cwd: state.cwd,
    user: state.config.User ?? '',
    network: networkOf(state, instruction),
    files,
  };
  state.op = { op: 'run', base: state.op, command, origin: state.step(instruction) };
  state.history.push({ createdBy: `RUN ${seen(state)}${argv.join(' ')}`, op: state.op });
}

function refuseRunFlags(state: StageState, instruction: InstructionOf<'run'>): void {
  const [mount] = instruction.mounts;
  if (mount) throw state.unsupported('RUN --mount', mount.span);
  const { security, devices } = instruction;
  if (security && state.expand(security) !== 'sandbox')
    throw state.unsupported('RUN --security', security.span);
  if (devices[0]) throw state.unsupported('RUN --device', devices[0].span);
}

function networkOf(state: StageState, { network }: InstructionOf<'run'>): 'host' | 'none' {
  if (network === undefined) return 'host';
  const mode = state.expand(network);
  if (mode === 'none') return 'none';
  if (mode === 'default' || mode === 'host') return 'host';
  throw new SourceError(
    'DOCKERFILE_BAD_FLAG',
    `RUN --network cannot be ${JSON.stringify(mode)}`,
    state.at(network.span),
    {
      hint: 'expected default, host or none',
    },
  );
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

export type SourceLookup = (word: Word, name: string) => Op | undefined;

/** COPY. `from` finds what `--from` names; `undefined` means it is not known yet and the stage cannot go on. */
export function applyCopy(
  state: StageState,
  instruction: InstructionOf<'copy'>,
  from: SourceLookup,
): boolean {
  const { flags } = instruction;
  if (flags.link) throw state.unsupported('COPY --link', flagSpan(instruction, '--link'));
  if (flags.parents) throw state.unsupported('COPY --parents', flagSpan(instruction, '--parents'));
  const source: Op | undefined =
    flags.from === undefined ? { op: 'context', name: '' } : from(flags.from, state.expand(flags.from));
  if (source === undefined) return false;
  transfer(state, instruction, { from: source, unpack: false });
  return true;
}

const REMOTE = /^(?:https?|git|ssh):\/\/|^git@/i;

/** ADD of files and local archives. */
export function applyAdd(state: StageState, instruction: InstructionOf<'add'>): void {
  const { flags, transfer: parts } = instruction;
  if (flags.link) throw state.unsupported('ADD --link', flagSpan(instruction, '--link'));
  if (flags.checksum) throw state.unsupported('ADD --checksum', flags.checksum.span);
  if (flags.keepGitDir)
    throw state.unsupported('ADD --keep-git-dir', flagSpan(instruction, '--keep-git-dir'));
  for (const source of parts.sources) {
    if (REMOTE.test(state.expand(source))) throw state.unsupported('ADD of a URL', source.span);
  }
  transfer(state, instruction, { from: { op: 'context', name: '' }, unpack: flags.unpack ?? true });
}

function flagSpan(instruction: InstructionOf<'copy' | 'add'>, flag: string): { start: number; end: number } {
  const { keyword, transfer: parts } = instruction;
  // A bare flag has no word of its own in the tree: it stands between the keyword and the first argument
  const end = parts.sources[0]?.span.start ?? parts.destination.span.start;
  return { start: keyword.span.end + 1, end: Math.min(end, keyword.span.end + 1 + flag.length) };
}

function transfer(
  state: StageState,
  instruction: InstructionOf<'copy' | 'add'>,
  how: { readonly from: Op; readonly unpack: boolean },
): void {
  const { flags, transfer: parts } = instruction;
  const lookup = state.lookup();
  const destination = state.expand(parts.destination, lookup);
  const sources = parts.sources.map((source) => state.expand(source, lookup));
  const inline = parts.heredocs.map((doc) => inlineFile(state, doc));
  if (sources.length + inline.length > 1 && !/(?:^|\/)\.{0,2}$/.test(destination)) {
    const message = `with several sources the destination must be a directory that ends with /, not ${JSON.stringify(destination)}`;
    const hint = `write ${destination}/`;
    throw new SourceError('DOCKERFILE_SYNTAX', message, state.at(parts.destination.span), { hint });
  }
  state.op = {
    op: 'copy',
    base: state.op,
    from: how.from,
    sources,
    sourcesAt: parts.sources.map((source) => state.at(source.span)),
    inline,
    destination: absolute(state.cwd, destination),
    exclude: flags.exclude.map((word) => state.expand(word, lookup)),
    unpack: how.unpack,
    origin: state.step(instruction),
    ...(flags.chown === undefined ? {} : { chown: state.expand(flags.chown, lookup) }),
    ...(flags.chmod === undefined ? {} : { chmod: state.expand(flags.chmod, lookup) }),
  };
  state.history.push({ createdBy: instruction.text, op: state.op });
}

function inlineFile(state: StageState, doc: Heredoc): InlineFile {
  const body = doc.expand ? expandHeredoc(doc, state.lookup(), state.file) : doc.body;
  return { name: doc.name, bytes: encoder.encode(body) };
}

/** WORKDIR: sets the directory and makes it, owned by the current user. */
export function applyWorkdir(state: StageState, instruction: InstructionOf<'workdir'>): void {
  const path = state.expand(instruction.path);
  state.config.WorkingDir = resolve(state.cwd, path);
  if (state.config.WorkingDir !== '/') {
    const user = state.config.User ?? '';
    state.op = {
      op: 'workdir',
      base: state.op,
      path: state.config.WorkingDir,
      user,
      origin: state.step(instruction),
    };
    state.history.push({ createdBy: `WORKDIR ${state.config.WorkingDir}`, op: state.op });
  } else {
    state.history.push({ createdBy: 'WORKDIR /' });
  }
}

/** An absolute destination. `.` and a trailing `/` or `/.` mean "into this directory" and keep a slash. */
function absolute(cwd: string, destination: string): string {
  const path = resolve(cwd, destination);
  const intoDirectory = /(?:^|\/)\.{0,2}$/.test(destination);
  return intoDirectory && path !== '/' ? `${path}/` : path;
}

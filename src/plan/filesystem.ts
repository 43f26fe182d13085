import { resolve } from 'node:path/posix';
import { expandHeredoc, type Heredoc, type InstructionOf, type Word } from '../dockerfile/index.ts';
import { SourceError } from '../errors/index.ts';
import type { InlineFile, Op } from './op.ts';
import type { StageState } from './stage-state.ts';

const encoder = new TextEncoder();

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

import { basename, resolve } from 'node:path/posix';
import { expandHeredoc, type InstructionOf, type Transfer, type Word } from '../dockerfile/index.ts';
import { LapidaryError, quoted, SourceError } from '../errors/index.ts';
import { type GitRef, parseGitRef, redacted } from './git-ref.ts';
import type { ClosureSearch, CopySource, Op } from './op.ts';
import { environmentMap, type StageState } from './stage-state.ts';

const encoder = new TextEncoder();

/** What a build context is copied from when no `--from` says otherwise. */
const MAIN_CONTEXT: Op = { op: 'context', name: '' };

export type SourceLookup = (word: Word) => Op | undefined;

/** COPY. `from` finds what `--from` names; `undefined` means it is not known yet and the stage cannot go on. */
export function applyCopy(
  state: StageState,
  instruction: InstructionOf<'copy'>,
  from: SourceLookup,
): boolean {
  const { flags } = instruction;
  const source = flags.from === undefined ? MAIN_CONTEXT : from(flags.from);
  if (source === undefined) return false;
  const sources = readSources(state, instruction.transfer, (path, at) => {
    if (isHttp(path) || readGit(path, at) !== undefined) {
      throw new SourceError('DOCKERFILE_UNSUPPORTED', `COPY cannot take the URL ${quoted(path)}`, at, {
        hint: 'use ADD for URLs',
      });
    }
    return { kind: 'path', path, unpack: false, at };
  });
  const closure = flags.closure ? readClosure(state, instruction, source) : undefined;
  transfer(state, instruction, {
    from: source,
    sources,
    parents: flags.parents,
    ...(closure && { closure }),
  });
  return true;
}

/** ADD: files, local archives, URLs and git repositories. */
export function applyAdd(state: StageState, instruction: InstructionOf<'add'>): void {
  const { flags, transfer: parts } = instruction;
  const checksum = flags.checksum && state.expand(flags.checksum);
  const sources = readSources(state, parts, (path, at) => {
    const git = readGit(path, at);
    if (git !== undefined) return { kind: 'git', git: withFlags(git, { ...flags, checksum, at }), at };
    if (!isHttp(path)) return { kind: 'path', path, unpack: flags.unpack ?? true, at };
    const wanted = checksum === undefined ? {} : { checksum: checkDigest(checksum, at) };
    return { kind: 'http', url: path, name: fileName(path), unpack: flags.unpack ?? false, ...wanted, at };
  });
  if (flags.checksum !== undefined) refuseChecksum(sources, state.at(flags.checksum.span));
  transfer(state, instruction, { from: MAIN_CONTEXT, sources, parents: false });
}

/** Source of the order: environment of the result, since that is where the programs will run. */
function readClosure(state: StageState, instruction: InstructionOf<'copy'>, from: Op): ClosureSearch {
  const { flags, transfer: parts, span } = instruction;
  const refuse = (message: string, hint: string): SourceError =>
    new SourceError('DOCKERFILE_BAD_FLAG', message, state.at(span), { hint });
  if (from.op === 'context' || from.op === 'scratch')
    throw refuse('--closure takes programs of a stage or an image', 'say which with --from=');
  if (flags.parents) throw refuse('--closure keeps paths as --parents does', 'leave --parents out');
  if (parts.heredocs.length > 0)
    throw refuse('--closure takes no here-documents', 'copy them by an instruction of their own');
  const env = environmentMap(state.config.Env ?? []);
  const directories = (name: string): string[] =>
    (env.get(name) ?? '').split(':').filter((one) => one.startsWith('/'));
  return { path: directories('PATH'), libraryPath: directories('LD_LIBRARY_PATH') };
}

const isHttp = (path: string): boolean => /^https?:\/\//.test(path);

function readGit(path: string, at: CopySource['at']): GitRef | undefined {
  try {
    return parseGitRef(path);
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    throw new SourceError(error.code, error.message, at, { hint: error.hint });
  }
}

type GitFlags = {
  readonly keepGitDir?: boolean | undefined;
  readonly checksum: string | undefined;
  readonly at: CopySource['at'];
};

/** The URL's own wishes and those of the flags: they may not contradict each other. */
function withFlags(git: GitRef, { keepGitDir, checksum, at }: GitFlags): GitRef {
  const conflict = (what: string): SourceError =>
    new SourceError('DOCKERFILE_BAD_FLAG', `${what} and the URL contradict each other`, at, {
      hint: 'say it in one place only',
    });
  if (keepGitDir !== undefined && git.keepGitDir !== undefined && keepGitDir !== git.keepGitDir)
    throw conflict('--keep-git-dir');
  if (checksum !== undefined && git.checksum !== undefined && checksum !== git.checksum)
    throw conflict('--checksum');
  if (checksum !== undefined && !/^[0-9a-f]{7,64}$/.test(checksum)) {
    const message = `--checksum of a git source cannot be ${quoted(checksum)}`;
    throw new SourceError('DOCKERFILE_BAD_FLAG', message, at, {
      hint: 'expected a commit: 7 to 64 hex digits',
    });
  }
  return {
    ...git,
    ...(keepGitDir === undefined ? {} : { keepGitDir }),
    ...(checksum === undefined ? {} : { checksum }),
  };
}

const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

function checkDigest(text: string, at: CopySource['at']): string {
  const [, algorithm = '', hex = ''] = /^([a-z0-9]+):([0-9a-f]+)$/.exec(text) ?? [];
  if (HEX_LENGTH[algorithm] === hex.length) return text;
  throw new SourceError('DOCKERFILE_BAD_FLAG', `--checksum cannot be ${quoted(text)}`, at, {
    hint: 'expected sha256:, sha384: or sha512: and as many lower case hex digits as that has',
  });
}

function refuseChecksum(sources: readonly CopySource[], at: CopySource['at']): void {
  const [source, another] = sources;
  if (another !== undefined) {
    throw new SourceError('DOCKERFILE_BAD_FLAG', '--checksum is for a single source', at, {
      hint: 'write an ADD for each source',
    });
  }
  if (source?.kind === 'http' || source?.kind === 'git') return;
  throw new SourceError('DOCKERFILE_BAD_FLAG', '--checksum is for http(s) and git sources', at, {
    hint: 'files of the build context are part of the cache key anyway: leave it out',
  });
}

/** The last name of a URL's path. Source: BuildKit, which has this name for a URL without one. */
function fileName(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  const name = basename(decoded(path));
  return name === '' || name === '.' || name === '..' ? '__unnamed__' : name;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function readSources(
  state: StageState,
  { sources, heredocs }: Transfer,
  read: (path: string, at: CopySource['at']) => CopySource,
): CopySource[] {
  const lookup = state.lookup();
  const inline = heredocs.map((doc): CopySource => {
    const body = doc.expand ? expandHeredoc(doc, lookup, state.file) : doc.body;
    return { kind: 'inline', file: { name: doc.name, bytes: encoder.encode(body) }, at: state.at(doc.span) };
  });
  return [...sources.map((word) => read(state.expand(word, lookup), state.at(word.span))), ...inline];
}

type How = {
  readonly from: Op;
  readonly sources: readonly CopySource[];
  readonly parents: boolean;
  readonly closure?: ClosureSearch;
};

function transfer(state: StageState, instruction: InstructionOf<'copy' | 'add'>, how: How): void {
  const { flags, transfer: parts } = instruction;
  const lookup = state.lookup();
  const destination = state.expand(parts.destination, lookup);
  const chown = flags.chown && state.expand(flags.chown, lookup);
  const chmod = flags.chmod && state.expand(flags.chmod, lookup);
  state.op = {
    op: 'copy',
    base: state.op,
    ...how,
    destination: absolute(state.cwd, destination),
    exclude: flags.exclude.map((word) => state.expand(word, lookup)),
    // As in BuildKit, where a copy that changes modes is an ordinary one
    link: flags.link && !chmod,
    origin: state.step(instruction),
    ...(chown ? { chown } : {}),
    ...(chmod ? { chmod } : {}),
  };
  const flagged = [
    ...(how.parents ? ['--parents'] : []),
    ...(how.closure ? ['--closure'] : []),
    ...(chown ? [`--chown=${chown}`] : []),
    ...(chmod ? [`--chmod=${chmod}`] : []),
  ];
  const named = [
    ...parts.sources.map((word) => redacted(state.expand(word, lookup))),
    ...parts.heredocs.map(({ name }) => `<<${name}`),
  ];
  // In the words of BuildKit, which has only these flags
  const createdBy = [instruction.kind.toUpperCase(), ...flagged, ...named, destination].join(' ');
  state.history.push({ createdBy, op: state.op });
}

const isDirectoryName = (path: string): boolean => /(?:^|\/)\.{0,2}$/.test(path);

/** An absolute destination. `.` and a trailing `/` or `/.` mean "into this directory" and keep a slash. */
function absolute(cwd: string, destination: string): string {
  const path = resolve(cwd, destination);
  return isDirectoryName(destination) && path !== '/' ? `${path}/` : path;
}

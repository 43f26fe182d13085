import { LapidaryError, quoted } from '../errors/index.ts';

/** What a git URL asks for. */
export type GitRef = {
  /** Without reference, directory and query; what `git fetch` gets. */
  readonly remote: string;
  /** A branch, a tag, a full name such as `refs/heads/x`, or a commit; absent for the default branch. */
  readonly ref?: string;
  /** Below the root of the repository, clean and relative. */
  readonly subdir?: string;
  /** The commit, or its first digits, that the reference must lead to. */
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  readonly submodules?: boolean;
};

const SCHEME = /^([a-z][a-z0-9+.-]*):\/\//i;
const SCP_STYLE = /^([A-Za-z0-9_-]+@[A-Za-z0-9.-]+:[^?#]*)(?:\?([^#]*))?(?:#(.*))?$/;
/** Without a scheme it may be a directory as well: only a build context may be written like this. */
const SHORT = /^github\.com\//;

/**
 * Reads a git URL as BuildKit does: `git://`, `ssh://`, `user@host:path`, and `http(s)://` when the path ends with
 * `.git`; then `#ref:subdir`, or `?ref=&tag=&branch=&subdir=&checksum=&commit=&keep-git-dir=&submodules=`. `undefined`
 * for anything else. `short` allows `github.com/owner/repository`.
 *
 * @throws LapidaryError GIT_REF_INVALID
 */
export function parseGitRef(
  text: string,
  { short = false }: { readonly short?: boolean } = {},
): GitRef | undefined {
  const parts = short && SHORT.test(text) ? splitUrl(`https://${text}`) : gitParts(text);
  if (parts === undefined) return undefined;
  checkRemote(parts.remote, text);
  const colon = parts.fragment.indexOf(':');
  const [ref, subdir] =
    colon < 0 ? [parts.fragment, ''] : [parts.fragment.slice(0, colon), parts.fragment.slice(colon + 1)];
  const wanted = readQuery(new URLSearchParams(parts.query), { ref, subdir }, text);
  return { remote: parts.remote, ...wanted };
}

type Parts = { readonly remote: string; readonly query: string; readonly fragment: string };

function gitParts(text: string): Parts | undefined {
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    const [, remote, query = '', fragment = ''] = SCP_STYLE.exec(text) ?? [];
    return remote === undefined ? undefined : { remote, query, fragment };
  }
  if (!['http', 'https', 'ssh', 'git'].includes(scheme)) return undefined;
  const parts = splitUrl(text);
  const isGit = scheme === 'ssh' || scheme === 'git' || parts.remote.endsWith('.git');
  return isGit ? parts : undefined;
}

function splitUrl(text: string): Parts {
  const [, remote = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(text) ?? [];
  return { remote, query, fragment: decoded(fragment) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Wanted = Omit<GitRef, 'remote'>;

function readQuery(query: URLSearchParams, fragment: { ref: string; subdir: string }, text: string): Wanted {
  const bad = (message: string): LapidaryError => invalid(text, message);
  const one = (name: string): string | undefined => {
    const values = query.getAll(name);
    if (values.length > 1) throw bad(`it says ${name} more than once`);
    if (values[0] === '') throw bad(`${name} has no value`);
    return values[0];
  };
  for (const name of query.keys())
    if (!QUERIES.has(name)) throw bad(`a git URL has no query ${quoted(name)}`);
  const tag = prefixed('refs/tags/', one('tag'));
  const branch = prefixed('refs/heads/', one('branch'));
  const checksum = one('checksum') ?? one('commit');
  const ref = agreed([fragment.ref, one('ref'), tag, branch], () => bad('it names several references'));
  const subdir = agreed([fragment.subdir, one('subdir')], () => bad('it names several directories'));
  const wanted: Wanted = {
    ...present('ref', ref ?? checksum),
    ...present('subdir', subdir === undefined ? undefined : cleanDirectory(subdir)),
    ...present('checksum', checksum),
    ...present('keepGitDir', flag(query.getAll('keep-git-dir'), bad)),
    ...present('submodules', flag(query.getAll('submodules'), bad)),
  };
  checkWords(wanted, bad);
  return wanted;
}

const QUERIES: ReadonlySet<string> = new Set([
  'ref',
  'tag',
  'branch',
  'subdir',
  'checksum',
  'commit',
  'keep-git-dir',
  'submodules',
]);

function present<K extends string, T>(name: K, value: T | undefined): { [_ in K]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [_ in K]?: T };
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined || name.startsWith(prefix) ? name : `${prefix}${name}`;
}

function agreed(values: readonly (string | undefined)[], conflict: () => Error): string | undefined {
  const given = [...new Set(values.filter((value) => value !== undefined && value !== ''))];
  if (given.length > 1) throw conflict();
  return given[0];
}

function flag(values: readonly string[], bad: (message: string) => Error): boolean | undefined {
  const [value, another] = values;
  if (value === undefined) return undefined;
  if (another !== undefined) throw bad('it says one thing more than once');
  if (/^(?:|1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  throw bad(`${quoted(value)} is neither true nor false`);
}

function cleanDirectory(path: string): string | undefined {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return names.length === 0 ? undefined : names.join('/');
}

/** None of these may be taken for an option by git, or be something that git would interpret. */
function checkWords({ ref, subdir, checksum }: Wanted, bad: (message: string) => Error): void {
  if (ref !== undefined && (!/^[^\s\0-\x1f\x7f~^:?*[\\]+$/.test(ref) || /^-|\.\.|@\{|^\/|\/$/.test(ref)))
    throw bad(`${quoted(ref)} cannot be the name of a branch, a tag or a commit`);
  if (subdir?.split('/').includes('..'))
    throw bad(`the directory ${quoted(subdir)} leads out of the repository`);
  if (checksum !== undefined && !/^[0-9a-f]{7,64}$/.test(checksum))
    throw bad(`${quoted(checksum)} is not a commit: 7 to 64 hex digits`);
}

function checkRemote(remote: string, text: string): void {
  const host = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^@/]*@)?([^:/]*)/i.exec(remote)?.[1] ?? '';
  if (/[\s\0-\x1f\x7f]/.test(remote) || host === '' || host.startsWith('-') || /:\/?-/.test(remote))
    throw invalid(text, 'its host or path is not well formed');
}

function invalid(text: string, message: string): LapidaryError {
  return new LapidaryError('GIT_REF_INVALID', `${quoted(redacted(text))} is not a git source: ${message}`, {
    hint: 'expected URL[#REF[:DIRECTORY]] or URL?ref=…&subdir=…&checksum=…',
  });
}

/** A text without the passwords of URLs in it. */
export function redacted(text: string): string {
  return text.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^@/\s]*@/gi, '$1');
}

import { parseIgnore } from '../dockerfile/index.ts';
import { SourceError } from '../errors/index.ts';
import { type Digest, sha256 } from '../oci/index.ts';
import type { CopyOp, CopySource } from '../plan/index.ts';
import { type FileNode, type PathTest, type Selection, selectSources } from '../tree/index.ts';
import type { RemoteSources } from './ports/index.ts';
import { locateError } from './step-log.ts';
import { inTurns } from './turns.ts';

/** What some of the sources of a copy came to. */
export type Part = {
  readonly digest: Digest;
  /** Files that are archives are unpacked. */
  readonly unpack: boolean;
  readonly load: () => Promise<Selection>;
};

type Network = { readonly remote: RemoteSources; readonly signal: AbortSignal };

export function singleFile(name: string, inode: FileNode): Selection {
  return { items: [{ kind: 'node', name, inode }], missing: [], unmatched: [] };
}

export async function fromHttp(
  source: Extract<CopySource, { kind: 'http' }>,
  { remote, signal }: Network,
): Promise<Part> {
  const file = await located(source, () => remote.http(source, signal));
  return {
    digest: sha256(JSON.stringify(['http', source.name, file.digest, file.modified ?? null])),
    unpack: source.unpack,
    load: async () => singleFile(source.name, await located(source, () => file.load())),
  };
}

export async function fromGit(
  op: CopyOp,
  source: Extract<CopySource, { kind: 'git' }>,
  { remote, signal }: Network,
): Promise<Part> {
  const { keepGitDir = false, submodules = true, subdir = '', remote: url } = source.git;
  const checkout = await located(source, () => remote.git(source.git, signal));
  const wanted = [checkout.commit, subdir, submodules, keepGitDir ? url : null, op.exclude];
  return {
    digest: sha256(JSON.stringify(['git', ...wanted])),
    unpack: false,
    load: async () => {
      const tree = await located(source, () => checkout.load());
      const selection = await inTurns(selectSources(tree, [subdir], { exclude: excludeOf(op) }));
      const [missing] = selection.missing;
      if (missing === undefined) return selection;
      const message = `${JSON.stringify(subdir)} does not exist in the repository at ${checkout.commit}`;
      throw new SourceError('COPY_NOTHING', message, source.at, {
        hint: 'check the directory after the colon',
      });
    },
  };
}

/** Errors of the network point at the source that is fetched. */
async function located<T>({ at }: CopySource, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw locateError(error, { at });
  }
}

export function excludeOf(op: CopyOp): PathTest {
  if (op.exclude.length === 0) return () => false;
  const rules = parseIgnore(op.exclude.map(asRule).join('\n'));
  return (path) => rules.match(path);
}

/** A pattern that begins with # is no comment here. */
const asRule = (pattern: string): string => (pattern.startsWith('#') ? `./${pattern}` : pattern);

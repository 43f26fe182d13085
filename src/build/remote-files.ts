import { LapidaryError, quoted } from '../errors/index.ts';
import { type GitRef, parseGitRef, redacted } from '../plan/index.ts';
import { type ArchiveReader, inTurns, type LayerStore, type RemoteSources } from '../solve/index.ts';
import { type Entry, eachStep, type FileNode, type Steps, Tree } from '../tree/index.ts';
import { MAX_TEXT, TreeFiles } from './tree-files.ts';

export type RemotePorts = {
  readonly store: { readonly layers: LayerStore; readonly archives: ArchiveReader };
  readonly remote: RemoteSources;
  readonly signal: AbortSignal;
};

/** What is behind a URL: a repository or an archive, or a file that is neither. */
export type RemoteContent =
  | { readonly kind: 'tree'; readonly files: TreeFiles }
  | { readonly kind: 'file'; readonly name: string; readonly file: FileNode };

/** @throws LapidaryError FETCH_FAILED, GIT_REF_INVALID, CONTEXT_UNREADABLE */
export async function openRemote(location: string, ports: RemotePorts): Promise<RemoteContent> {
  const { remote, store, signal } = ports;
  const git = parseGitRef(location, { short: true });
  if (git !== undefined) return { kind: 'tree', files: await gitFiles(git, ports) };
  const file = await (await remote.http({ url: location }, signal)).load();
  const entries = await store.archives.unpack(file, signal);
  if (entries !== undefined)
    return {
      kind: 'tree',
      files: new TreeFiles(await inTurns(Tree.empty.applySteps(entries)), store.layers),
    };
  const name = URL.parse(location)
    ?.pathname.split('/')
    .findLast((part) => part !== '');
  return { kind: 'file', name: name ?? 'download', file };
}

async function gitFiles(git: GitRef, { remote, store, signal }: RemotePorts): Promise<TreeFiles> {
  const tree = await (await remote.git(git, signal)).load();
  if (git.subdir === undefined) return new TreeFiles(tree, store.layers);
  const { path, node } = tree.resolve(git.subdir);
  if (node?.children !== undefined) return new TreeFiles(await inTurns(subtree(tree, path)), store.layers);
  const what = node === undefined ? 'does not exist' : 'is not a directory';
  const where = quoted(redacted(git.remote));
  throw new LapidaryError('CONTEXT_UNREADABLE', `${quoted(git.subdir)} ${what} in ${where}`, {
    hint: 'check the directory behind the reference: URL#REF:DIRECTORY',
  });
}

function* subtree(tree: Tree, directory: string): Steps<Tree> {
  const entries: Entry[] = [];
  yield* eachStep(tree.walk(directory), ({ path, node }) => {
    if (path === directory) return;
    entries.push({ kind: 'node', path: path.slice(directory.length + 1), node: node.inode });
  });
  return yield* Tree.empty.applySteps(entries);
}

/** A file from the network as a Dockerfile. @throws LapidaryError CONTEXT_UNREADABLE when it is too large for one */
export async function readRemoteText(
  location: string,
  file: FileNode,
  { layers }: RemotePorts['store'],
): Promise<string> {
  if (file.size <= MAX_TEXT) return new TextDecoder().decode(await layers.readContent(file));
  throw new LapidaryError(
    'CONTEXT_UNREADABLE',
    `${quoted(redacted(location))} is neither an archive nor a Dockerfile: it has ${file.size} bytes`,
    { hint: 'a build context is a tar archive, compressed or not' },
  );
}

import type { IgnoreRules } from '../dockerfile/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import { redacted } from '../plan/index.ts';
import { type BuildContext, inTurns } from '../solve/index.ts';
import { Tree } from '../tree/index.ts';
import { openLocalDirectory } from './context-registry.ts';
import {
  type DockerfileText,
  loadDockerfile,
  loadIgnore,
  noDockerfile,
  readDockerfile,
} from './dockerfile-file.ts';
import type { LocalStore } from './local-store.ts';
import { openRemote, type RemotePorts, readRemoteText } from './remote-files.ts';
import { MAX_TEXT, TreeFiles } from './tree-files.ts';
import type { BuildOptions, BuildRequest } from './types.ts';

export type MainContext = {
  readonly dockerfile: DockerfileText;
  /** What keeps files out of it. */
  readonly ignore: () => Promise<IgnoreRules | undefined>;
  /** Opens the files, once somebody copies from them. */
  readonly open: () => Promise<BuildContext>;
};

export type MainContextPorts = RemotePorts & {
  readonly store: LocalStore;
  readonly stdin: BuildOptions['stdin'];
};

/**
 * The Dockerfile of a request and the context that it is for. A directory is not looked at more than that needs; what
 * comes from elsewhere is read or fetched whole, since the Dockerfile may be in it.
 *
 * @throws LapidaryError DOCKERFILE_NOT_FOUND, CONTEXT_UNREADABLE, FETCH_FAILED, TAR_INVALID, USAGE
 */
export async function openMainContext(request: BuildRequest, ports: MainContextPorts): Promise<MainContext> {
  const { context } = request;
  if (context.type === 'directory') {
    const dockerfile = (await findOutside(request, ports)) ?? (await loadDockerfile(request, context.path));
    return {
      dockerfile,
      ignore: () => loadIgnore(context.path, dockerfile.path),
      open: () => openLocalDirectory(context.path, ports.store, dockerfile.path),
    };
  }
  const opened =
    context.type === 'stream' ? await fromStream(ports) : await fromNetwork(context.location, ports);
  if (opened.dockerfile === undefined) return inFiles(request, opened.files, ports);
  if (request.dockerfile !== undefined) {
    throw new LapidaryError('USAGE', 'the build context is a Dockerfile, and --file names another one', {
      hint: 'leave out one of them, or give a directory or an archive as the context',
    });
  }
  return ofFiles(opened.dockerfile, opened.files);
}

function ofFiles(dockerfile: DockerfileText, files: TreeFiles, path?: string): MainContext {
  return { dockerfile, ignore: () => files.ignore(path), open: () => files.open(path) };
}

type Opened = {
  readonly files: TreeFiles;
  /** What the context turned out to be: then there is nothing to copy. */
  readonly dockerfile?: DockerfileText;
};

function onlyDockerfile(name: string, text: string, { store }: MainContextPorts): Opened {
  return { files: new TreeFiles(Tree.empty, store.layers), dockerfile: { source: { name, text } } };
}

async function fromStream(ports: MainContextPorts): Promise<Opened> {
  const { store, stdin, signal } = ports;
  if (stdin === undefined) throw new Error('a context from a stream, and no stream');
  const { readArchiveOrText } = await import('../context/index.ts');
  const read = await readArchiveOrText(stdin, { layers: store.layers, maxText: MAX_TEXT, signal });
  if (read.kind === 'text') return onlyDockerfile('stdin', read.text, ports);
  const tree = await inTurns(Tree.empty.applySteps(read.entries));
  return { files: new TreeFiles(tree, store.layers) };
}

async function fromNetwork(location: string, ports: MainContextPorts): Promise<Opened> {
  const content = await openRemote(location, ports);
  if (content.kind === 'tree') return { files: content.files };
  return onlyDockerfile(redacted(location), await readRemoteText(location, content.file, ports.store), ports);
}

async function inFiles(
  request: BuildRequest,
  files: TreeFiles,
  ports: MainContextPorts,
): Promise<MainContext> {
  const outside = await findOutside(request, ports);
  if (outside !== undefined) return ofFiles(outside, files);
  const named = request.dockerfile?.type === 'inside' ? [request.dockerfile.path] : undefined;
  for (const path of named ?? ['Dockerfile', 'dockerfile']) {
    const text = await files.readText(path, 'DOCKERFILE_NOT_FOUND');
    if (text !== undefined) return ofFiles({ source: { name: path, text } }, files, path);
  }
  throw noDockerfile(named?.[0] ?? 'Dockerfile', 'name the one in the archive or repository with -f');
}

/** A Dockerfile that is given as text, by a URL, or by a path that does not depend on the context. */
async function findOutside(
  { dockerfile, context }: BuildRequest,
  ports: MainContextPorts,
): Promise<DockerfileText | undefined> {
  if (dockerfile?.type === 'remote') {
    const { url } = dockerfile;
    const file = await (await ports.remote.http({ url }, ports.signal)).load();
    return { source: { name: redacted(url), text: await readRemoteText(url, file, ports.store) } };
  }
  if (dockerfile?.type === 'text') return { source: dockerfile };
  if (dockerfile?.type !== 'file' || context.type === 'directory') return undefined;
  const read = await readDockerfile(dockerfile.path);
  if (read !== undefined) return read;
  throw noDockerfile(quoted(dockerfile.path));
}

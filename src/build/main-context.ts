import { type IgnoreRules, parseIgnore } from '../dockerfile/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import { redacted } from '../plan/index.ts';
import type { RecipeText } from '../recipe/index.ts';
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
  /** Present when there is no Dockerfile, and a recipe has written one. */
  readonly recipe?: RecipeText;
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
  if (context.type === 'directory') return inDirectory(request, context.path, ports);
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

async function inDirectory(
  request: BuildRequest,
  directory: string,
  ports: MainContextPorts,
): Promise<MainContext> {
  const given = (await findOutside(request, ports)) ?? (await loadDockerfile(request, directory));
  if (given !== undefined) {
    refuseRecipe(request);
    return {
      dockerfile: given,
      ignore: () => loadIgnore(directory, given.path),
      open: () => openLocalDirectory(directory, ports.store, loadIgnore(directory, given.path)),
    };
  }
  const { recipeInDirectory } = await import('./recipe.ts');
  const recipe = await recipeInDirectory(directory, request.recipe);
  const ignore = async (): Promise<IgnoreRules> =>
    (await loadIgnore(directory)) ?? parseIgnore(recipe.ignore);
  return { ...ofRecipe(recipe), ignore, open: () => openLocalDirectory(directory, ports.store, ignore()) };
}

const ofRecipe = (recipe: RecipeText): Pick<MainContext, 'dockerfile' | 'recipe'> => ({
  dockerfile: { source: { name: 'Dockerfile of the recipe', text: recipe.dockerfile } },
  recipe,
});

/** What is said of a project would have no effect. */
function refuseRecipe({ recipe = {} }: BuildRequest): void {
  if (Object.keys(recipe).length === 0) return;
  throw new LapidaryError('USAGE', 'flags for projects without a Dockerfile were given, and there is one', {
    hint: 'leave them out and edit the Dockerfile, or remove it',
  });
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
  if (outside !== undefined) {
    refuseRecipe(request);
    return ofFiles(outside, files);
  }
  const named = request.dockerfile?.type === 'inside' ? [request.dockerfile.path] : undefined;
  for (const path of named ?? ['Dockerfile', 'dockerfile']) {
    const text = await files.readText(path, 'DOCKERFILE_NOT_FOUND');
    if (text === undefined) continue;
    refuseRecipe(request);
    return ofFiles({ source: { name: path, text } }, files, path);
  }
  if (named !== undefined) {
    throw noDockerfile(named[0] ?? '', 'name the one in the archive or repository with -f');
  }
  const { recipeInTree } = await import('./recipe.ts');
  const recipe = await recipeInTree(files, request.recipe);
  return {
    ...ofRecipe(recipe),
    ignore: () => files.ignore(undefined, recipe.ignore),
    open: () => files.open(undefined, recipe.ignore),
  };
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

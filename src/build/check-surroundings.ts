import { join } from 'node:path';
import { openDirectoryContext } from '../context/index.ts';
import { type Dockerfile, parseIgnore } from '../dockerfile/index.ts';
import { LapidaryError } from '../errors/index.ts';
import { formatPlatform, type ImageConfig } from '../oci/index.ts';
import { type Selection, selectSources, type Tree } from '../tree/index.ts';
import {
  baseReferences,
  type CheckReport,
  type CheckSurroundings,
  checkDockerfile,
} from './check-dockerfile.ts';
import { loadDockerfile, loadIgnore } from './dockerfile-file.ts';
import { BaseImageSource } from './image-source.ts';
import { openLocalStore } from './local-store.ts';
import { parseNamedContext } from './named-contexts.ts';
import { RemoteAccess } from './remote-access.ts';
import type { BuildRequest } from './types.ts';

/** Which paths, with all below them, an ignore file keeps out of the build context. */
export async function ignoredIn(
  request: BuildRequest,
  dockerfilePath: string | undefined,
): Promise<Pick<CheckSurroundings, 'ignored'>> {
  const { context } = request;
  const rules =
    context.type === 'directory'
      ? await unlessBroken(() => loadIgnore(context.path, dockerfilePath))
      : undefined;
  return rules ? { ignored: (path) => rules.match(path) && rules.canSkipDirectory(path) } : {};
}

/** Checks what a request would build, and with `fix` repairs its Dockerfile where that is safe. Nothing is built. */
export function checkBuild(
  request: BuildRequest,
  { store, fix = false }: { readonly store: string; readonly fix?: boolean },
): Promise<CheckReport> {
  return checkDockerfile(request, {
    fix,
    surroundings: (file) => checkSurroundings(file, { request, store }),
  });
}

/** What is malformed is for the build to tell, at the COPY that needs it. */
async function unlessBroken<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LapidaryError) return undefined;
    throw error;
  }
}

/** What a check can know of the files and images around a Dockerfile. Images are those of the local store. */
async function checkSurroundings(
  file: Dockerfile,
  { request, store }: { readonly request: BuildRequest; readonly store: string },
): Promise<CheckSurroundings> {
  const { path } = await loadDockerfile(request);
  const [ignored, images, tree] = await Promise.all([
    ignoredIn(request, path),
    baseImages(file, { request, store }),
    copiesFromContext(file) ? contextTree(request, path) : undefined,
  ]);
  return {
    ...ignored,
    image: (reference, platform) => images.get(`${reference} ${formatPlatform(platform)}`),
    ...(tree && { selected: (sources, exclude) => selectedIn(tree, sources, exclude) }),
  };
}

const copiesFromContext = ({ stages }: Dockerfile): boolean =>
  stages.some(({ instructions }) =>
    instructions.some((one) => one.kind === 'add' || (one.kind === 'copy' && one.flags.from === undefined)),
  );

async function contextTree(
  { context }: BuildRequest,
  dockerfilePath: string | undefined,
): Promise<Tree | undefined> {
  if (context.type !== 'directory') return undefined;
  const ignore = await unlessBroken(() => loadIgnore(context.path, dockerfilePath));
  // Nothing is digested, so nothing comes into the cache
  const statCacheFile = join(context.path, '.lapidary-no-cache');
  const opened = await openDirectoryContext(context.path, { ignore, statCacheFile });
  return opened.scan(['']);
}

function selectedIn(
  tree: Tree,
  sources: readonly string[],
  exclude: readonly string[],
): string[] | undefined {
  try {
    const rules = parseIgnore(exclude.join('\n'));
    return namesOf(selectSources(tree, sources, { exclude: (path) => rules.match(path) }));
  } catch (error) {
    // A malformed pattern is for the build to tell
    if (error instanceof LapidaryError) return undefined;
    throw error;
  }
}

const namesOf = ({ items }: Selection): string[] =>
  items.flatMap((item) => (item.kind === 'node' ? item.name : item.nodes.map(({ path }) => path)));

async function baseImages(
  file: Dockerfile,
  { request, store }: { readonly request: BuildRequest; readonly store: string },
): Promise<ReadonlyMap<string, ImageConfig>> {
  await using opened = await openLocalStore(store);
  const contexts = new Map(
    Object.entries(request.contexts ?? {}).map(([name, value]) => [name, parseNamedContext(name, value)]),
  );
  const { signal } = new AbortController();
  await using access = new RemoteAccess({ store: opened, config: undefined, emit: () => undefined, signal });
  const source = new BaseImageSource({ remote: access, contexts, pull: 'never' });
  const found = new Map<string, ImageConfig>();
  for (const { reference, platform } of baseReferences(file, request)) {
    try {
      const { config } = await source.resolve(reference, platform);
      found.set(`${reference} ${formatPlatform(platform)}`, config);
    } catch (error) {
      // What is not here is not known, and a check does without
      if (!(error instanceof LapidaryError)) throw error;
    }
  }
  return found;
}

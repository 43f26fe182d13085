import { type Dockerfile, parseDockerfile, parseIgnore } from '../dockerfile/index.ts';
import { LapidaryError, type Source } from '../errors/index.ts';
import { formatPlatform, type ImageConfig } from '../oci/index.ts';
import { listTargets, type Outline, outlineOf, type SelectedName, type Target } from '../plan/index.ts';
import { finish, type Inode, selectSources, type Tree } from '../tree/index.ts';
import {
  baseReferences,
  type CheckReport,
  type CheckSurroundings,
  checkDockerfile,
  checkOptions,
} from './check-dockerfile.ts';
import { type CredentialOptions, openCredentials } from './credentials.ts';
import { BaseImageSource } from './image-source.ts';
import { type LocalStore, openLocalStore } from './local-store.ts';
import { type MainContext, openMainContext } from './main-context.ts';
import { parseNamedContext } from './named-contexts.ts';
import { RemoteAccess } from './remote-access.ts';
import { remoteSources } from './remote-sources.ts';
import type { BuildOptions, BuildRequest } from './types.ts';

/** Which paths, with all below them, an ignore file keeps out of the build context. */
export async function ignoredBy({
  ignore,
}: Pick<MainContext, 'ignore'>): Promise<Pick<CheckSurroundings, 'ignored'>> {
  const rules = await unlessBroken(ignore);
  return rules ? { ignored: (path) => rules.match(path) && rules.canSkipDirectory(path) } : {};
}

/** What is looked at without building: store, network and standard input are those of a build. */
export type LookOptions = Pick<BuildOptions, 'store' | 'stdin' | 'proxy' | 'searchPath' | 'signal'> &
  CredentialOptions;

/**
 * Checks what a request would build, and with `fix` repairs its Dockerfile where that is safe. Nothing is built.
 * @throws LapidaryError as `openMainContext`
 */
export function checkBuild(
  request: BuildRequest,
  { fix = false, ...options }: LookOptions & { readonly fix?: boolean },
): Promise<CheckReport> {
  return withMain(request, options, (main, store) =>
    checkDockerfile(request, {
      dockerfile: main.dockerfile,
      fix,
      surroundings: (file) => checkSurroundings(file, { request, main, store }),
    }),
  );
}

/** What the target of a request can be given. @throws SourceError, LapidaryError as `openMainContext` */
export function outlineDockerfile(
  request: BuildRequest,
  options: LookOptions,
): Promise<{ source: Source; outline: Outline }> {
  return withMain(request, options, ({ dockerfile: { source } }) =>
    Promise.resolve({ source, outline: outlineOf(parseDockerfile(source), checkOptions(request)) }),
  );
}

/** What can be built. @throws SourceError, LapidaryError as `openMainContext` */
export function listDockerfileTargets(
  request: BuildRequest,
  options: LookOptions,
): Promise<{ source: Source; targets: Target[] }> {
  return withMain(request, options, ({ dockerfile: { source } }) =>
    Promise.resolve({ source, targets: listTargets(parseDockerfile(source)) }),
  );
}

/** Opens what a request would build from. */
async function withMain<T>(
  request: BuildRequest,
  options: LookOptions,
  look: (main: MainContext, store: LocalStore) => Promise<T>,
): Promise<T> {
  await using store = await openLocalStore(options.store);
  const remote = remoteSources(store, options, await openCredentials(options));
  const signal = options.signal ?? new AbortController().signal;
  return await look(await openMainContext(request, { store, remote, signal, stdin: options.stdin }), store);
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

type Around = { readonly request: BuildRequest; readonly main: MainContext; readonly store: LocalStore };

/** What a check can know of the files and images around a Dockerfile. Images are those of the local store. */
async function checkSurroundings(file: Dockerfile, around: Around): Promise<CheckSurroundings> {
  const { main, store } = around;
  const [ignored, images, tree] = await Promise.all([
    ignoredBy(main),
    baseImages(file, around),
    copiesFromContext(file) ? unlessBroken(async () => (await main.open()).scan([''])) : undefined,
  ]);
  const { secretContents } = await import('../context/index.ts');
  const secrets = tree && (await secretContents(tree, store.layers));
  return {
    ...ignored,
    image: (reference, platform) => images.get(`${reference} ${formatPlatform(platform)}`),
    ...(tree && { selected: (sources, exclude) => selectedIn({ tree, secrets }, sources, exclude) }),
  };
}

const copiesFromContext = ({ stages }: Dockerfile): boolean =>
  stages.some(({ instructions }) =>
    instructions.some((one) => one.kind === 'add' || (one.kind === 'copy' && one.flags.from === undefined)),
  );

type Context = { readonly tree: Tree; readonly secrets: ReadonlySet<Inode> | undefined };

function selectedIn(
  { tree, secrets }: Context,
  sources: readonly string[],
  exclude: readonly string[],
): SelectedName[] | undefined {
  try {
    const rules = parseIgnore(exclude.join('\n'));
    const { items } = finish(selectSources(tree, sources, { exclude: (path) => rules.match(path) }));
    return items
      .flatMap((item) => (item.kind === 'node' ? { path: item.name, inode: item.inode } : item.nodes))
      .map(({ path, inode }) => ({ path, secret: secrets?.has(inode) === true }));
  } catch (error) {
    // A malformed pattern is for the build to tell
    if (error instanceof LapidaryError) return undefined;
    throw error;
  }
}

async function baseImages(
  file: Dockerfile,
  { request, store }: Around,
): Promise<ReadonlyMap<string, ImageConfig>> {
  const contexts = new Map(
    Object.entries(request.contexts ?? {}).map(([name, value]) => [name, parseNamedContext(name, value)]),
  );
  const { signal } = new AbortController();
  await using access = new RemoteAccess({ store, config: undefined, emit: () => undefined, signal });
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

import { availableParallelism } from 'node:os';
import { type Dockerfile, parseDockerfile } from '../dockerfile/index.ts';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { type Descriptor, formatPlatform, hostPlatform, type Platform } from '../oci/index.ts';
import { findStage, stageName } from '../plan/index.ts';
import type { RecipeText } from '../recipe/index.ts';
import { type BuildEvent, layerSize, type ResolvedImage, Solver, type StoredImage } from '../solve/index.ts';
import { allowedRights } from './allowed-rights.ts';
import { assembleImage } from './assemble.ts';
import { ContextRegistry } from './context-registry.ts';
import { openCredentials } from './credentials.ts';
import { EmulationReport } from './emulation-report.ts';
import { executionKey } from './execution-key.ts';
import { BaseImageSource } from './image-source.ts';
import { type LocalStore, measureIn, openLocalStore } from './local-store.ts';
import { openMainContext } from './main-context.ts';
import { namedContexts, type PlanParts, planOptions, planPlatforms, tellPlans } from './make-plan.ts';
import { offeredPlatforms } from './offered-platforms.ts';
import {
  checkOutputs,
  checkPlatforms,
  normaliseTag,
  pushReferences,
  type Written,
  writeOutputs,
} from './outputs.ts';
import { preflightImages } from './preflight.ts';
import { tellRecipe, withRetry } from './recipe-retry.ts';
import { RemoteAccess } from './remote-access.ts';
import { remoteSources } from './remote-sources.ts';
import { lazyRuntime } from './runtime.ts';
import { checkShard, platformsOfShard } from './shard.ts';
import { withEpoch } from './source-date-epoch.ts';
import { tellChecks } from './tell-checks.ts';
import type { BuildOptions, BuildRequest, BuildResult, OutputSpec } from './types.ts';
import { keepUnnamed } from './unnamed-images.ts';
import { withLock } from './with-lock.ts';

/**
 * Builds an image from a Dockerfile, or a project that has none. Everything that happens is told to `options.onEvent`.
 * When it returns, the outputs are written and the tags moved; when it throws, no tag has moved and no output is half
 * written.
 *
 * @throws LapidaryError or SourceError for what the user can mend; `signal.reason` when aborted
 */
export function build(request: BuildRequest, options: BuildOptions): Promise<BuildResult> {
  return withRetry(request, options, (asked, onRecipe) => buildOnce(asked, options, onRecipe));
}

async function buildOnce(
  asked: BuildRequest,
  options: BuildOptions,
  onRecipe: (recipe: RecipeText) => void,
): Promise<BuildResult> {
  let request = withEpoch(asked);
  const signal = options.signal ?? new AbortController().signal;
  const emulation = new EmulationReport(options.onEvent ?? ((): void => undefined));
  const { emit } = emulation;
  const outputs = request.outputs ?? [];
  const names = outputs.flatMap((output) => (output.type === 'image' ? output.names : []));
  const tags = [...new Set([...(request.tags ?? []), ...names].map(normaliseTag))];
  checkOutputs(outputs, tags);
  if (request.shard !== undefined) checkShard(outputs);
  await using store = await openLocalStore(options.store);
  const credentials = await openCredentials(options);
  const remote = remoteSources(store, options, credentials);
  const network = { store, remote, signal };
  const main = await openMainContext(request, { ...network, stdin: options.stdin });
  const { source } = main.dockerfile;
  if (main.recipe !== undefined) {
    onRecipe(main.recipe);
    tellRecipe(main.recipe, emit);
    request = { ...request, buildArgs: { ...main.recipe.buildArgs, ...request.buildArgs } };
  }
  const file = parseDockerfile(source);
  const noCacheStages = new Set((request.noCacheStages ?? []).map((name) => nameOfStage(file, name)));
  const contexts = namedContexts(request);
  const found = new Map<string, ResolvedImage>();
  const jobs = request.jobs ?? availableParallelism();
  const { registries: config } = options;
  await using access = new RemoteAccess({ store, config, emit, signal, jobs: request.jobs });
  await mayPush(outputs, tags, access);
  const bases = new BaseImageSource({ remote: access, contexts, pull: request.pull ?? 'missing' });
  const { images, remote: sources } = await withLock(request, main.dockerfile, {
    images: bases,
    remote,
    contexts,
  });
  const { searchPath } = options;
  const allow = await allowedRights(request, { dockerfile: source.text, searchPath });
  const execution = executionKey(options.sandbox);
  const parts = { request: { ...request, allow }, execution, contexts, found, images };
  const platforms = await platformsOf(file, { ...parts, images: bases });
  checkPlatforms(outputs, platforms);
  const plans = await planPlatforms(file, platforms, parts);
  tellPlans(plans, emit);
  await tellChecks(file, { request, main, found, emit });

  await using runtime = lazyRuntime(store, options);
  const registry = new ContextRegistry({ ...network, remote: sources, main: main.open, contexts });
  const solver = new Solver(
    {
      facts: store.facts,
      layers: store.layers,
      layerSource: access.fetcher,
      archives: store.archives,
      remote: sources,
      runtime,
      credentials,
      images: found,
      context: (name) => registry.open(name),
      events: { emit },
      clock: { monotonicMs: () => performance.now(), wallMs: () => Date.now() },
    },
    {
      jobs,
      noCache: request.noCache ?? false,
      noCacheStages,
      sourceDateEpoch: request.sourceDateEpoch,
      signal,
      totals: new Map(
        plans.flatMap(({ stages }) => stages.map((stage): [string, number] => [stage.name, stage.steps])),
      ),
    },
  );
  await solver.solveAll(plans.map(({ result }) => result.op));
  emulation.tell(plans);
  const ports = { ...store, solver, images: found, measure: measureIn(store) };
  const built = await Promise.all(
    plans.map(({ result }) => assembleImage(result, request.sourceDateEpoch, ports)),
  );
  signal.throwIfAborted();
  const made = plans.flatMap(({ result }, i) => (built[i] ? { image: built[i], stage: result } : []));
  await preflightImages(made, request.preflight ?? 'warn', { store, solver, emit });
  if (request.maxSize !== undefined) {
    const { checkSizes } = await import('./max-size.ts');
    await checkSizes(built, request.maxSize, { remote: access, outputs });
  }
  if (request.tests !== undefined) {
    const { testImages } = await import('./test-images.ts');
    await testImages(built, request.tests, { store, trees: solver.trees, runtime, emit, signal });
  }
  const job = { images: built, references: tags, outputs };
  const written = await writeOutputs(job, { remote: access, stdout: options.stdout });
  const descriptor = written.descriptor ?? (await wantedRoot(built, request, access));
  const moved = request.shard === undefined ? tags : [];
  return await finish(built, { tags: moved, written: { ...written, descriptor } }, { store, solver, emit });
}

/** What must not be pushed is better known before the build than after. */
async function mayPush(
  outputs: readonly OutputSpec[],
  tags: readonly string[],
  remote: RemoteAccess,
): Promise<void> {
  for (const output of outputs) {
    if (output.type !== 'registry') continue;
    const { checkPush } = await import('./push-image.ts');
    await checkPush({ references: pushReferences(output, tags), insecure: output.insecure }, remote);
  }
}

/** @throws LapidaryError TARGET_NOT_FOUND */
function nameOfStage({ stages, source }: Dockerfile, name: string): string {
  const found = findStage(stages, name);
  if (found !== undefined) return stageName(found);
  const names = stages.map(stageName);
  const near = suggest(name, names);
  const message = `no stage is called ${quoted(name)} in ${source.name}, so its cache cannot be left out`;
  throw new LapidaryError('TARGET_NOT_FOUND', message, {
    hint: near === undefined ? `the stages are ${names.join(', ')}` : `did you mean ${near}?`,
  });
}

/** Of what a name in the local store will stand for, where somebody wants to know. */
async function wantedRoot(
  images: readonly StoredImage[],
  { wantsDigest = false }: BuildRequest,
  remote: RemoteAccess,
): Promise<Descriptor | undefined> {
  if (!wantsDigest || images.length === 1) return undefined;
  const { rootOf } = await import('./merge-layouts.ts');
  return rootOf(images, remote);
}

/** Tags move last: whoever sees the name sees a whole image. */
async function finish(
  images: readonly StoredImage[],
  { tags, written }: { readonly tags: readonly string[]; readonly written: Written },
  { store, solver, emit }: { store: LocalStore; solver: Solver; emit: (event: BuildEvent) => void },
): Promise<BuildResult> {
  for (const reference of tags) {
    await store.images.tag(reference, images);
    for (const { id, platform } of images) {
      const more = images.length > 1 ? { platform: formatPlatform(platform) } : {};
      emit({ type: 'tagged', reference, id, ...more });
    }
  }
  if (tags.length === 0) await keepUnnamed(images, store.facts);
  const { descriptor, pushed } = written;
  const built = images.map(({ id, platform, layers }) => {
    const size = layers.reduce((sum, layer) => sum + layerSize(layer), 0);
    return { id, platform, size };
  });
  const result = { images: built, pushed, tags, steps: solver.counts };
  return descriptor === undefined ? result : { ...result, descriptor };
}

/** What is built for: this machine where nobody says anything. */
async function platformsOf(
  file: Dockerfile,
  { request, contexts, images }: Omit<PlanParts, 'images'> & { readonly images: BaseImageSource },
): Promise<readonly Platform[]> {
  const { platforms: asked = [], shard } = request;
  const all =
    asked === 'all' ? await offeredPlatforms(file, planOptions({ request, contexts }), images) : asked;
  const unique = new Map(all.map((platform) => [formatPlatform(platform), platform]));
  const platforms = unique.size === 0 ? [hostPlatform(process.arch, 'linux')] : [...unique.values()];
  return shard === undefined ? platforms : platformsOfShard(platforms, shard);
}

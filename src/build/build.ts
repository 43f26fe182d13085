import { availableParallelism } from 'node:os';
import { type Dockerfile, parseDockerfile } from '../dockerfile/index.ts';
import { LapidaryError, quoted, suggest } from '../errors/index.ts';
import { findStage, type Plan, stageName } from '../plan/index.ts';
import { type BuildEvent, layerSize, type ResolvedImage, Solver, type StoredImage } from '../solve/index.ts';
import { allowedRights } from './allowed-rights.ts';
import { assembleImage } from './assemble.ts';
import { ContextRegistry } from './context-registry.ts';
import { openCredentials } from './credentials.ts';
import { BaseImageSource } from './image-source.ts';
import { type LocalStore, measureIn, openLocalStore } from './local-store.ts';
import { openMainContext } from './main-context.ts';
import { makePlan, namedContexts } from './make-plan.ts';
import { checkOutputs, normaliseTag, pushReferences, type Written, writeOutputs } from './outputs.ts';
import { RemoteAccess } from './remote-access.ts';
import { remoteSources } from './remote-sources.ts';
import { lazyRuntime } from './runtime.ts';
import { withEpoch } from './source-date-epoch.ts';
import { tellChecks } from './tell-checks.ts';
import type { BuildOptions, BuildRequest, BuildResult, OutputSpec } from './types.ts';
import { withLock } from './with-lock.ts';

/**
 * Builds an image from a Dockerfile. Everything that happens is told to `options.onEvent`. When it returns, the
 * outputs are written and the tags moved; when it throws, no tag has moved and no output is half written.
 *
 * @throws LapidaryError or SourceError for what the user can mend; `signal.reason` when aborted
 */
export async function build(asked: BuildRequest, options: BuildOptions): Promise<BuildResult> {
  const request = withEpoch(asked);
  const signal = options.signal ?? new AbortController().signal;
  const emit = options.onEvent ?? ((): void => undefined);
  const outputs = request.outputs ?? [];
  const names = outputs.flatMap((output) => (output.type === 'image' ? output.names : []));
  const tags = [...new Set([...(request.tags ?? []), ...names].map(normaliseTag))];
  checkOutputs(outputs, tags);
  await using store = await openLocalStore(options.store);
  const credentials = await openCredentials(options);
  const remote = remoteSources(store, options, credentials);
  const network = { store, remote, signal };
  const main = await openMainContext(request, { ...network, stdin: options.stdin });
  const { source } = main.dockerfile;
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
  const plan = await makePlan(file, { request: { ...request, allow }, contexts, found, images });
  tellPlan(plan, emit);
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
      totals: new Map(plan.stages.map((stage) => [stage.name, stage.steps])),
    },
  );
  await solver.solve(plan.result.op);
  const ports = { ...store, solver, images: found, measure: measureIn(store) };
  const image = await assembleImage(plan.result, request.sourceDateEpoch, ports);
  signal.throwIfAborted();
  const job = { images: [image], references: tags, outputs };
  const written = await writeOutputs(job, { remote: access, stdout: options.stdout });
  return finish(image, { tags, written }, { store, solver, emit });
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

/** Tags move last: whoever sees the name sees a whole image. */
async function finish(
  image: StoredImage,
  { tags, written }: { readonly tags: readonly string[]; readonly written: Written },
  { store, solver, emit }: { store: LocalStore; solver: Solver; emit: (event: BuildEvent) => void },
): Promise<BuildResult> {
  for (const reference of tags) {
    await store.images.tag(reference, [image]);
    emit({ type: 'tagged', reference, id: image.id });
  }
  const size = image.layers.reduce((sum, layer) => sum + layerSize(layer), 0);
  const { descriptor, pushed } = written;
  const result = { platform: image.platform, id: image.id, pushed, tags, size, steps: solver.counts };
  return descriptor === undefined ? result : { ...result, descriptor };
}

function tellPlan(plan: Plan, emit: (event: BuildEvent) => void): void {
  for (const stage of plan.skipped) emit({ type: 'stage-skipped', stage });
  for (const warning of plan.warnings) emit({ type: 'warning', ...warning });
}

import type { Dockerfile } from '../dockerfile/index.ts';
import { LapidaryError, SourceError, suggest } from '../errors/index.ts';
import { hostPlatform, type ImageConfig, type Platform } from '../oci/index.ts';
import {
  type ImageNeed,
  type Plan,
  type PlanOptions,
  type PlanWarning,
  planBuild,
  sharePlans,
} from '../plan/index.ts';
import type { BuildEvent, ImageSource, ResolvedImage } from '../solve/index.ts';
import { isFiles, type NamedContext, parseNamedContext } from './named-contexts.ts';
import type { BuildRequest } from './types.ts';

export function namedContexts({ contexts = {} }: Pick<BuildRequest, 'contexts'>): Map<string, NamedContext> {
  return new Map(Object.entries(contexts).map(([name, value]) => [name, parseNamedContext(name, value)]));
}

export type PlanParts = {
  readonly request: BuildRequest;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly images: ImageSource;
  /** Filled with what the plans turn out to need, by `ImageNeed.key`. */
  readonly found: Map<string, ResolvedImage>;
  /** See `executionKey`. */
  readonly execution?: string | undefined;
};

/**
 * One plan for each platform, in their order: what they have in common, such as stages pinned to the platform of the
 * build, is one and the same in all of them.
 */
export async function planPlatforms(
  file: Dockerfile,
  platforms: readonly Platform[],
  parts: PlanParts,
): Promise<readonly Plan[]> {
  const configs = new Map<string, ImageConfig>();
  const resolving = new Map<string, Promise<void>>();
  function resolve(need: ImageNeed): Promise<void> {
    const known = resolving.get(need.key) ?? resolveInto(file, need, { ...parts, configs });
    resolving.set(need.key, known);
    return known;
  }
  const showsPlatform = platforms.length > 1;
  const planned = await Promise.allSettled(
    platforms.map((platform) => {
      const options = { ...planOptions(parts), platform, showsPlatform, images: configs };
      return makePlan(file, options, resolve);
    }),
  );
  const plans = planned.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
  return plans.length > 1 ? sharePlans(plans) : plans;
}

/** A request as the plan sees it, for this machine's own platform. */
export function planOptions({
  request,
  contexts,
  execution,
}: Pick<PlanParts, 'request' | 'contexts' | 'execution'>): Omit<PlanOptions, 'images'> {
  const native = hostPlatform(process.arch, 'linux');
  return {
    ...(request.target === undefined ? {} : { target: request.target }),
    buildArgs: request.buildArgs ?? {},
    platform: native,
    buildPlatform: native,
    labels: request.labels ?? {},
    ...(request.network === undefined ? {} : { network: request.network }),
    allow: new Set(request.allow),
    ...(execution === undefined ? {} : { execution }),
    unset: request.unset ?? [],
    contexts: new Map(
      [...contexts].map(([name, context]) => [name, isFiles(context) ? 'directory' : 'image']),
    ),
  };
}

/** Tells what plans leave out and warn of: each thing once. */
export function tellPlans(plans: readonly Plan[], emit: (event: BuildEvent) => void): void {
  const [first] = plans;
  const inAll = (stage: string): boolean => plans.every(({ skipped }) => skipped.includes(stage));
  for (const stage of first?.skipped ?? []) if (inAll(stage)) emit({ type: 'stage-skipped', stage });
  const told = new Map<string, PlanWarning>();
  for (const warning of plans.flatMap(({ warnings }) => warnings)) {
    told.set(`${warning.at.source.name}:${warning.at.span.start} ${warning.message}`, warning);
  }
  for (const warning of told.values()) emit({ type: 'warning', ...warning });
}

/** Plans, finds the images that turn out to be needed, and plans again until nothing is missing. */
async function makePlan(
  file: Dockerfile,
  options: PlanOptions,
  resolve: (need: ImageNeed) => Promise<void>,
): Promise<Plan> {
  for (;;) {
    const outcome = planBuild(file, options);
    if (outcome.done) return outcome.plan;
    await Promise.all(outcome.missing.map(resolve));
  }
}

async function resolveInto(
  file: Dockerfile,
  need: ImageNeed,
  { images, found, configs }: PlanParts & { readonly configs: Map<string, ImageConfig> },
): Promise<void> {
  const image = await resolveNeed(file, need, images);
  found.set(need.key, image);
  configs.set(need.key, image.config);
}

async function resolveNeed(file: Dockerfile, need: ImageNeed, images: ImageSource): Promise<ResolvedImage> {
  try {
    return await images.resolve(need.reference, need.platform);
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    const { code, message, hint, notes, cause } = error;
    const better = code === 'IMAGE_NOT_FOUND' ? (stageHint(file, need.reference) ?? hint) : hint;
    throw new SourceError(code, message, need.at, { hint: better, notes, cause });
  }
}

/** Most images that are found nowhere are misspelt or misplaced stages. */
function stageHint(file: Dockerfile, reference: string): string | undefined {
  const names = file.stages.flatMap((stage) => stage.name ?? []);
  const same = names.find((name) => name.toLowerCase() === reference.toLowerCase());
  if (same !== undefined)
    return `stage ${same} stands later in the file: move it above its use (stages cannot form a cycle)`;
  const near = suggest(reference, names);
  return near === undefined ? undefined : `did you mean the stage ${near}?`;
}

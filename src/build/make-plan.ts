import type { Dockerfile } from '../dockerfile/index.ts';
import { LapidaryError, SourceError, suggest } from '../errors/index.ts';
import { hostPlatform, type ImageConfig } from '../oci/index.ts';
import { type ImageNeed, type Plan, type PlanOptions, planBuild } from '../plan/index.ts';
import type { ImageSource, ResolvedImage } from '../solve/index.ts';
import { isFiles, type NamedContext, parseNamedContext } from './named-contexts.ts';
import type { BuildRequest } from './types.ts';

export function namedContexts({ contexts = {} }: BuildRequest): Map<string, NamedContext> {
  return new Map(Object.entries(contexts).map(([name, value]) => [name, parseNamedContext(name, value)]));
}

export type PlanParts = {
  readonly request: BuildRequest;
  readonly contexts: ReadonlyMap<string, NamedContext>;
  readonly images: ImageSource;
  /** Filled with what the plan turns out to need. */
  readonly found: Map<string, ResolvedImage>;
};

/** Plans, finds the images that turn out to be needed, and plans again until nothing is missing. */
export async function makePlan(
  file: Dockerfile,
  { request, contexts, images, found }: PlanParts,
): Promise<Plan> {
  const configs = new Map<string, ImageConfig>();
  const native = hostPlatform(process.arch, 'linux');
  const options: PlanOptions = {
    ...(request.target === undefined ? {} : { target: request.target }),
    buildArgs: request.buildArgs ?? {},
    platform: request.platform ?? native,
    buildPlatform: native,
    labels: request.labels ?? {},
    ...(request.network === undefined ? {} : { network: request.network }),
    allow: new Set(request.allow),
    unset: request.unset ?? [],
    contexts: new Map(
      [...contexts].map(([name, context]) => [name, isFiles(context) ? 'directory' : 'image']),
    ),
    images: configs,
  };
  for (;;) {
    const outcome = planBuild(file, options);
    if (outcome.done) return outcome.plan;
    const resolved = await Promise.all(outcome.missing.map((need) => resolveNeed(file, need, images)));
    for (const [i, { key }] of outcome.missing.entries()) {
      const image = resolved[i];
      if (image === undefined) throw new Error(`image ${key} was not resolved`);
      found.set(key, image);
      configs.set(key, image.config);
    }
  }
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

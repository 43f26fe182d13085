import { writeFile } from 'node:fs/promises';
import { applyEdits, type Dockerfile, parseWithErrors } from '../dockerfile/index.ts';
import { LapidaryError, linesOf, type Source, SourceError, SourceErrors } from '../errors/index.ts';
import { formatPlatform, hostPlatform, type ImageConfig, type Platform } from '../oci/index.ts';
import {
  type CheckOptions,
  type CheckResult,
  type PlanOptions,
  planBuild,
  runChecks,
} from '../plan/index.ts';
import type { DockerfileText } from './dockerfile-file.ts';
import type { BuildRequest } from './types.ts';

export type CheckReport = {
  readonly source: Source;
  readonly findings: CheckResult['findings'];
  /** Findings are to be taken for errors. */
  readonly error: boolean;
  /** What would make a build fail before its first step. */
  readonly failures: readonly SourceError[];
  /** Repairs that were made, one line each. */
  readonly fixed: readonly string[];
};

/** What is known of the surroundings, beyond what the request says. All of it may be missing. */
export type CheckSurroundings = Pick<CheckOptions, 'image' | 'ignored' | 'selected'>;

/** After so many rounds of repairs something repairs in circles. */
const MAX_ROUNDS = 20;

export type CheckJob = {
  readonly dockerfile: DockerfileText;
  readonly fix: boolean;
  readonly surroundings: (file: Dockerfile) => Promise<CheckSurroundings>;
};

/** Checks the Dockerfile of a request, and plans it as far as the images that are at hand let it. Nothing is built. */
export async function checkDockerfile(
  request: BuildRequest,
  { dockerfile: { source, path }, fix, surroundings }: CheckJob,
): Promise<CheckReport> {
  const fixed: string[] = [];
  let current = source;
  for (let round = 0; ; round++) {
    const report = await checkSource(current, { request, surroundings });
    const edits =
      fix && round < MAX_ROUNDS ? report.findings.flatMap(({ finding }) => finding.fix ?? []) : [];
    if (edits.length === 0) {
      if (fixed.length > 0 && path !== undefined) await writeFile(path, current.text);
      return { ...report, fixed };
    }
    if (path === undefined)
      throw new LapidaryError('USAGE', `${source.name} cannot be repaired, as it is no file`);
    for (const { rule, finding } of report.findings) {
      if (finding.fix === undefined) continue;
      const { start } = linesOf({ source: current, span: finding.span });
      fixed.push(`${source.name}:${start} ${rule.name}: ${finding.message}`);
    }
    current = { name: source.name, text: applyEdits(current.text, edits) };
  }
}

type Parts = {
  readonly request: BuildRequest;
  readonly surroundings: (file: Dockerfile) => Promise<CheckSurroundings>;
};

async function checkSource(
  source: Source,
  { request, surroundings }: Parts,
): Promise<Omit<CheckReport, 'fixed'>> {
  try {
    const { file, errors } = parseWithErrors(source);
    const around = await surroundings(file);
    const { findings, error } = runChecks(file, checkOptions(request, around));
    const [first] = errors;
    if (first === undefined)
      return { source, findings, error, failures: planFailures(file, request, around) };
    // Behind what cannot be read nothing is certain
    const before = findings.filter(({ finding }) => finding.span.start < first.at.span.start);
    return { source, findings: before, error, failures: errors };
  } catch (error) {
    return { source, findings: [], error: false, failures: sourceErrors(error) };
  }
}

/** A request as checks see it. */
export function checkOptions(request: BuildRequest, around: CheckSurroundings = {}): CheckOptions {
  const native = hostPlatform(process.arch, 'linux');
  return {
    buildArgs: request.buildArgs ?? {},
    platform: (request.platforms === 'all' ? undefined : request.platforms?.[0]) ?? native,
    buildPlatform: native,
    target: request.target,
    ...around,
  };
}

/** Plans every stage, or the target alone; an image that is not known ends a plan without an error. */
function planFailures(
  file: Dockerfile,
  request: BuildRequest,
  { image }: CheckSurroundings,
): readonly SourceError[] {
  const { buildArgs, platform, buildPlatform } = checkOptions(request);
  const found = new Map<string, SourceError>();
  const targets =
    request.target === undefined ? file.stages.map(({ index }) => String(index)) : [request.target];
  for (const target of targets) {
    const options = {
      buildArgs,
      platform,
      buildPlatform,
      target,
      labels: request.labels ?? {},
      unset: request.unset ?? [],
      ...(request.network === undefined ? {} : { network: request.network }),
      allow: new Set(request.allow),
    };
    try {
      planWith(file, { ...options, contexts: contextKinds(request), images: new Map() }, image);
    } catch (error) {
      for (const one of sourceErrors(error))
        found.set(`${one.at.source.name}:${one.at.span.start} ${one.message}`, one);
    }
  }
  return [...found.values()].sort((a, b) => a.at.span.start - b.at.span.start);
}

const isImage = (value: string): boolean => /^(?:docker-image|oci-layout):\/\//.test(value);

function contextKinds({ contexts = {} }: BuildRequest): PlanOptions['contexts'] {
  return new Map(
    Object.entries(contexts).map(([name, value]) => [name, isImage(value) ? 'image' : 'directory']),
  );
}

function planWith(file: Dockerfile, options: PlanOptions, image: CheckSurroundings['image']): void {
  const images = new Map<string, ImageConfig>();
  for (;;) {
    const outcome = planBuild(file, { ...options, images });
    if (outcome.done) return;
    for (const { key, reference, platform } of outcome.missing) {
      const config = image?.(reference, platform);
      if (config === undefined) return;
      images.set(key, config);
    }
  }
}

function sourceErrors(error: unknown): readonly SourceError[] {
  if (error instanceof SourceErrors) return error.errors;
  if (error instanceof SourceError) return [error];
  throw error;
}

/** The base images that a Dockerfile names, for all of its stages. */
export function baseReferences(
  file: Dockerfile,
  request: BuildRequest,
): { reference: string; platform: Platform }[] {
  const options = checkOptions(request);
  const found = new Map<string, { reference: string; platform: Platform }>();
  const image = (reference: string, platform: Platform): undefined => {
    found.set(`${reference} ${formatPlatform(platform)}`, { reference, platform });
  };
  runChecks(file, {
    ...options,
    target: undefined,
    buildArgs: { ...options.buildArgs, BUILDKIT_DOCKERFILE_CHECK: '' },
    image,
  });
  return [...found.values()];
}

import { savedByBuildah, savedByLapidary } from '../harness/check.ts';
import { assert, sh } from '../harness/shell.ts';
import { buildahBuild, buildahForget, dockerAnswers, lapidary, resetStore } from '../harness/tools.ts';
import type { Output, Side } from '../harness/types.ts';

export type BuildRequest = {
  /** Name of the image, and of lapidary's store. */
  readonly name: string;
  readonly dockerfile: string;
  readonly context: string;
  readonly flags?: readonly string[];
  /** How the sides are called, after the tool: ` --jobs 2`. */
  readonly suffix?: string;
};

/** Builds with an empty cache. `template` is the store that lapidary starts from. `check` gets an OCI archive. */
export function coldSides(
  request: BuildRequest,
  options: { readonly template?: string; readonly check: (archive: string) => void },
): readonly Side[] {
  const { name, dockerfile, context, flags = [], suffix = '' } = request;
  const args = ['-q', ...flags, '-t', name, '-f', dockerfile, context];
  const sides: Side[] = [
    {
      tool: `lapidary${suffix}`,
      before: () => resetStore(name, options.template ?? 'base'),
      command: lapidary(name, 'build', ...args),
      check: () => options.check(savedByLapidary(name, name)),
    },
    {
      tool: `buildah${suffix}`,
      before: () => buildahForget(name),
      command: buildahBuild('--no-cache', ...args),
      check: () => options.check(savedByBuildah(name)),
    },
  ];
  if (flags.length === 0 && dockerAnswers()) sides.push(dockerSide(request, ['--no-cache']));
  return sides;
}

/** Builds with everything in the cache, which the check proves by what the builders say. */
export function cachedSides(request: BuildRequest): readonly Side[] {
  const { name, dockerfile, context } = request;
  const args = ['-t', name, '-f', dockerfile, context];
  resetStore(name, 'base');
  sh(lapidary(name, 'build', '-q', ...args));
  sh(buildahBuild('-q', ...args));
  const sides: Side[] = [
    {
      tool: 'lapidary',
      command: lapidary(name, 'build', '-q', ...args),
      check: () => assertAllHits(sh(lapidary(name, 'build', '--progress', 'rawjson', ...args))),
    },
    {
      tool: 'buildah',
      command: buildahBuild(...args),
      check: assertUsesCache,
    },
  ];
  if (dockerAnswers()) sides.push(dockerSide(request, []));
  return sides;
}

function dockerSide({ name, dockerfile, context }: BuildRequest, flags: readonly string[]): Side {
  return {
    tool: 'docker',
    command: ['docker', 'build', '-q', ...flags, '-t', name, '-f', dockerfile, context],
    check: () => sh(['docker', 'image', 'inspect', name]),
  };
}

function assertAllHits({ stderr }: Output): void {
  const results = [...stderr.matchAll(/"type":"step-end".*?"result":"(\w+)"/g)].map(([, result]) => result);
  assert(
    results.length > 0 && results.every((result) => result === 'hit'),
    () => `not fully cached: ${results.join(', ')}`,
  );
}

/** `FROM` and the last step of an image say other things, every other step says that it is from the cache. */
function assertUsesCache({ stdout }: Output): void {
  const steps = stdout.split('\n').filter((line) => /^STEP \d+\/\d+: (?!FROM)/.test(line));
  const hits = stdout.split('\n').filter((line) => line.startsWith('--> Using cache'));
  assert(
    steps.length > 0 && hits.length === steps.length,
    () => `${hits.length} of ${steps.length} steps cached\n${stdout}`,
  );
}

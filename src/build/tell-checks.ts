import type { Dockerfile } from '../dockerfile/index.ts';
import { LapidaryError } from '../errors/index.ts';
import { formatPlatform } from '../oci/index.ts';
import { runChecks } from '../plan/index.ts';
import type { BuildEvent, ResolvedImage } from '../solve/index.ts';
import { checkOptions } from './check-dockerfile.ts';
import { ignoredBy } from './check-surroundings.ts';
import type { MainContext } from './main-context.ts';
import type { BuildRequest } from './types.ts';

/**
 * Warns of what a build's checks find, in the stages it reaches.
 * @throws LapidaryError CHECKS_FAILED where the Dockerfile says that they are errors
 */
export async function tellChecks(
  file: Dockerfile,
  parts: {
    readonly request: BuildRequest;
    readonly main: Pick<MainContext, 'ignore'>;
    readonly found: ReadonlyMap<string, ResolvedImage>;
    readonly emit: (event: BuildEvent) => void;
  },
): Promise<void> {
  const { request, main, found, emit } = parts;
  const { findings, error } = runChecks(file, {
    ...checkOptions(request),
    target: request.target ?? String(file.stages.length - 1),
    ...(await ignoredBy(main)),
    image: (reference, platform) => found.get(`${reference} ${formatPlatform(platform)}`)?.config,
  });
  const { source } = file;
  for (const { rule, finding } of findings) {
    const { message, span, hint } = finding;
    const at = { source, span };
    emit({
      type: 'warning',
      message: `${rule.name}: ${message}`,
      at,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  if (!error || findings.length === 0) return;
  const names = [...new Set(findings.map(({ rule }) => rule.name))].join(', ');
  throw new LapidaryError('CHECKS_FAILED', `checks do not hold: ${names}`, {
    hint: 'error=true makes findings errors; `lapidary build --check --fix` repairs some of them',
  });
}

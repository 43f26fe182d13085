import type { Dockerfile } from '../dockerfile/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import { formatPlatform, type Platform, parsePlatform } from '../oci/index.ts';
import { type PlanOptions, planBuild } from '../plan/index.ts';

/** Tells for what platforms there is an image of a name. */
export type PlatformSource = { platforms(reference: string): Promise<readonly Platform[]> };

/**
 * The platforms that every base image of the target is there for, in the order of the first. Stages for which the
 * Dockerfile says the platform do not count.
 * @throws LapidaryError USAGE when no base tells any, IMAGE_NOT_FOUND when they have none in common
 */
export async function offeredPlatforms(
  file: Dockerfile,
  options: Omit<PlanOptions, 'images'>,
  source: PlatformSource,
): Promise<readonly Platform[]> {
  const outcome = planBuild(file, { ...options, images: new Map() });
  const needs = outcome.done ? [] : outcome.missing.filter(({ pinned }) => pinned !== true);
  const names = [...new Set(needs.map(({ reference }) => reference))];
  const offers: string[][] = [];
  for (const name of names) offers.push([...new Set((await source.platforms(name)).map(formatPlatform))]);
  const [first, ...rest] = offers;
  if (first === undefined) {
    throw new LapidaryError('USAGE', 'no base image of the build tells for what platforms to build', {
      hint: 'name them: --platform linux/amd64,linux/arm64',
    });
  }
  const common = first.filter((platform) => rest.every((offer) => offer.includes(platform)));
  if (common.length > 0) return common.map(parsePlatform);
  throw new LapidaryError('IMAGE_NOT_FOUND', 'the base images have no platform in common', {
    notes: names.map((name, i) => `  ${quoted(name)} is there for ${offers[i]?.join(', ')}`),
    hint: 'name platforms, or pin stages with FROM --platform=$BUILDPLATFORM',
  });
}

import { parseDockerfile } from '../dockerfile/index.ts';
import type { ContainerConfig, ImageConfig } from '../oci/index.ts';
import { planBuild } from './plan-build.ts';
import type { Plan, PlanOptions } from './types.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };

/** An image that has nothing but this configuration. */
export const imageWith = (config: ContainerConfig, more: Partial<ImageConfig> = {}): ImageConfig => ({
  ...amd64,
  config,
  rootfs: { type: 'layers', diff_ids: [] },
  ...more,
});

/** The plan of a text over the images given by reference; `bare` has no configuration at all. */
export function planText(
  text: string,
  {
    images = {},
    ...more
  }: Omit<Partial<PlanOptions>, 'images'> & { readonly images?: Record<string, ImageConfig> } = {},
): Plan {
  const known = Object.entries({ bare: imageWith({}), ...images });
  const outcome = planBuild(parseDockerfile({ name: 'Dockerfile', text }), {
    buildArgs: {},
    platform: amd64,
    buildPlatform: amd64,
    labels: {},
    contexts: new Map(),
    images: new Map(known.map(([name, config]) => [`${name} linux/amd64`, config])),
    ...more,
  });
  if (!outcome.done) throw new Error(`missing: ${outcome.missing.map((need) => need.key).join(', ')}`);
  return outcome.plan;
}

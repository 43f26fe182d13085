import { normalisePlatform } from './platform.ts';
import type { Descriptor, ImageConfig, Platform } from './types.ts';

/** What the configuration says, with the variant from the index where the configuration has none. */
export function imagePlatform(config: ImageConfig | undefined, described: Platform | undefined): Platform {
  const { os = 'unknown', architecture = 'unknown' } = config ?? described ?? {};
  const same = config === undefined || described?.architecture === config.architecture;
  const variant = config?.variant ?? (same ? described?.variant : undefined);
  const version = config?.['os.version'] ?? (same ? described?.['os.version'] : undefined);
  return normalisePlatform({
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  });
}

/** BuildKit's provenance and SBOMs: manifests for the platform unknown/unknown. */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  const unknown = platform?.os === 'unknown' && platform.architecture === 'unknown';
  return unknown || annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

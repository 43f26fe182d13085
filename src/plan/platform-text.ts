import { formatPlatform, normalisePlatform, type Platform, parsePlatform } from '../oci/index.ts';
import type { Lookup } from './arguments.ts';

/**
 * What a step runs on, and what it makes files for where its variables tell of something else: `linux/amd64`,
 * `linux/amd64->arm64`. Source: BuildKit, dockerfile2llb/convert.go, `prefixCommand`.
 */
export function platformText(platform: Platform, lookup: Lookup): string {
  const target = targetIn(lookup, platform);
  const own = formatPlatform(platform);
  if (target === undefined) return own;
  if (target.os !== platform.os) return `${own}->${formatPlatform(target)}`;
  if (target.architecture === platform.architecture) return own;
  return `${own}->${formatPlatform(target).slice(target.os.length + 1)}`;
}

/** What the variables that a stage has declared say. */
function targetIn(lookup: Lookup, { os, architecture }: Platform): Platform | undefined {
  const whole = lookup('TARGETPLATFORM');
  if (whole !== undefined) return tryParse(whole);
  const [targetOs, targetArch, variant] = ['TARGETOS', 'TARGETARCH', 'TARGETVARIANT'].map(lookup);
  if (targetOs === undefined && targetArch === undefined && variant === undefined) return undefined;
  const platform = { os: targetOs || os, architecture: targetArch || architecture };
  return normalisePlatform(variant ? { ...platform, variant } : platform);
}

/** They may have any value: it is only for people to read. */
function tryParse(text: string): Platform | undefined {
  try {
    return parsePlatform(text);
  } catch {
    return undefined;
  }
}

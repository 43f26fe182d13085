import { LapidaryError, quoted } from '../errors/index.ts';
import type { Platform } from './types.ts';

const COMPONENT = /^[A-Za-z0-9_.-]{1,64}$/;
const OPERATING_SYSTEMS = new Set(['linux', 'windows', 'darwin', 'macos', 'freebsd', 'wasi']);

/**
 * Reads `os/arch[/variant]`, normalised. An architecture alone means Linux.
 *
 * @throws LapidaryError PLATFORM_INVALID
 */
export function parsePlatform(text: string): Platform {
  const parts = text.split('/', 4);
  const hint = 'expected os/arch or os/arch/variant, such as linux/arm64 or linux/arm/v7';
  if (parts.length > 3 || !parts.every((part) => COMPONENT.test(part))) {
    throw new LapidaryError('PLATFORM_INVALID', `not a platform: ${quoted(text)}`, { hint });
  }
  const [first = '', second, variant] = parts;
  if (second !== undefined) {
    return normalisePlatform({ os: first, architecture: second, ...(variant && { variant }) });
  }
  if (OPERATING_SYSTEMS.has(first.toLowerCase())) {
    throw new LapidaryError('PLATFORM_INVALID', `a platform without an architecture: ${quoted(text)}`, {
      hint,
    });
  }
  return normalisePlatform({ os: 'linux', architecture: first });
}

/** `os/arch[/variant]`; inverse of `parsePlatform` for normalised platforms. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`;
}

/**
 * One spelling per platform: lower case, Go's names, and no variant where it is the default one
 * (but arm always has one: v7 where nothing is said).
 *
 * Source: github.com/containerd/platforms v1.0, `Normalize`.
 */
export function normalisePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const [architecture, variant] = normaliseArchitecture(
    platform.architecture.toLowerCase(),
    (platform.variant ?? '').toLowerCase(),
  );
  const version = platform['os.version'];
  return {
    os: os === 'macos' ? 'darwin' : os,
    architecture,
    ...(variant !== '' && { variant }),
    ...(version && { 'os.version': version }),
  };
}

function normaliseArchitecture(architecture: string, variant: string): readonly [string, string] {
  switch (architecture) {
    case 'i386':
      return ['386', ''];
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return ['amd64', variant === 'v1' ? '' : variant];
    case 'aarch64':
    case 'arm64':
      if (['8', 'v8', 'v8.0'].includes(variant)) return ['arm64', ''];
      return ['arm64', ['9', '9.0', 'v9.0'].includes(variant) ? 'v9' : variant];
    case 'armhf':
      return ['arm', 'v7'];
    case 'armel':
      return ['arm', 'v6'];
    case 'arm':
      if (variant === '') return ['arm', 'v7'];
      return ['arm', /^[5-8]$/.test(variant) ? `v${variant}` : variant];
    default:
      return [architecture, variant];
  }
}

/**
 * The index in `offered` of what runs best on `wanted`, or `undefined`. Exactly `wanted` comes first, then lower
 * variants of the same architecture, highest first, then the 32-bit architecture that the processor also runs
 * (386 on amd64, arm on arm64). Among equals the first one. Entries without a platform never match.
 *
 * Source: github.com/containerd/platforms v1.0, `Only`.
 */
export function matchPlatform(
  wanted: Platform,
  offered: readonly (Platform | undefined)[],
): number | undefined {
  const goal = normalisePlatform(wanted);
  const ranks = compatible(goal.architecture, goal.variant ?? '');
  let best: number | undefined;
  let bestRank = ranks.length;
  for (const [index, platform] of offered.entries()) {
    if (platform === undefined) continue;
    const { os, architecture, variant = '', 'os.version': version } = normalisePlatform(platform);
    if (os !== goal.os || (goal['os.version'] ?? version) !== version) continue;
    const rank = ranks.indexOf(`${architecture}/${variant}`);
    if (rank >= 0 && rank < bestRank) [best, bestRank] = [index, rank];
  }
  return best;
}

/** `architecture/variant` of all that runs on this processor, best first, in normalised form. */
function compatible(architecture: string, variant: string): string[] {
  const own = `${architecture}/${variant}`;
  switch (architecture) {
    case 'amd64':
      return [own, ...lowerVariants('amd64', versionOf(variant), 2), ...(variant ? ['amd64/'] : []), '386/'];
    case 'arm':
      return [own, ...lowerVariants('arm', versionOf(variant), 5)];
    case 'arm64':
      return [own, ...lowerArm64(variant), 'arm/v8', ...lowerVariants('arm', 8, 5)];
    default:
      return [own];
  }
}

/** ARMv8.n has all of v8.0 to v8.(n-1); ARMv9.n has all of v9.(n-1) and v8.(n+5). */
function lowerArm64(variant: string): string[] {
  const match = /^v([89])(?:\.([1-9]))?$/.exec(variant);
  if (!match) return [];
  const minor = Number(match[2] ?? 0);
  const nine = match[1] === '9';
  const lower = nine ? countDown('arm64/v9.', minor - 1, 1) : [];
  if (nine && minor > 0) lower.push('arm64/v9');
  return [...lower, ...countDown('arm64/v8.', nine ? Math.min(minor + 5, 9) : minor - 1, 1), 'arm64/'];
}

const versionOf = (variant: string): number => (/^v[0-9]$/.test(variant) ? Number(variant.slice(1)) : 0);

const lowerVariants = (architecture: string, version: number, least: number): string[] =>
  countDown(`${architecture}/v`, version - 1, least);

function countDown(prefix: string, from: number, to: number): string[] {
  const names: string[] = [];
  for (let version = from; version >= to; version--) names.push(`${prefix}${version}`);
  return names;
}

const NODE_ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  mipsel: 'mipsle',
  ppc64: 'ppc64le', // Node runs on little-endian POWER only
};

/** The platform of a machine, from `process.arch` and `process.platform` as the caller read them. Pure. */
export function hostPlatform(arch: string, os = 'linux'): Platform {
  return normalisePlatform({
    os: os === 'win32' ? 'windows' : os,
    architecture: Object.hasOwn(NODE_ARCHITECTURES, arch) ? (NODE_ARCHITECTURES[arch] ?? arch) : arch,
  });
}

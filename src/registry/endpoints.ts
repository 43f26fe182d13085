import type { MirrorRule, RegistryRule } from './config.ts';
import { canonicalRegistry } from './names.ts';

/** Where a repository really is, or a copy of it. */
export type Endpoint = {
  /** Canonical: `docker.io`, `mirror.local:5000`. */
  readonly registry: string;
  readonly repository: string;
  readonly insecure: boolean;
  readonly pull: MirrorRule['pull'];
};

export type Endpoints = {
  readonly origin: Endpoint;
  /** In the order they are tried. */
  readonly mirrors: readonly Endpoint[];
  /** The prefix of the rule that forbids this registry. */
  readonly blockedBy?: string;
};

/**
 * Where to look for a repository, by the rule with the longest prefix. Pure.
 *
 * Source: containers-registries.conf(5), version 2.
 */
export function endpointsFor(
  { registry, repository }: { readonly registry: string; readonly repository: string },
  rules: readonly RegistryRule[],
): Endpoints {
  const name = `${canonicalRegistry(registry)}/${repository}`;
  const rule = findRule(name, rules);
  if (rule === undefined) return { origin: endpoint(name, false, 'all'), mirrors: [] };
  const moved = (location: string): string => location + name.slice(matchLength(name, rule.prefix));
  const { location } = rule;
  return {
    origin: endpoint(location === undefined ? name : moved(location), rule.insecure, 'all'),
    mirrors: rule.mirrors.map((mirror) => endpoint(moved(mirror.location), mirror.insecure, mirror.pull)),
    ...(rule.blocked && { blockedBy: rule.prefix }),
  };
}

/** The rule with the longest prefix; the first of several. */
export function findRule(name: string, rules: readonly RegistryRule[]): RegistryRule | undefined {
  let best: RegistryRule | undefined;
  for (const rule of rules) {
    if (matchLength(name, rule.prefix) < 0) continue;
    if (best === undefined || rule.prefix.length > best.prefix.length) best = rule;
  }
  return best;
}

/**
 * How much of a name a prefix covers, -1 for none of it: it ends at the end of a component, or of a host before its
 * port. `*.example.com` covers hosts below example.com whole.
 */
export function matchLength(name: string, prefix: string): number {
  if (prefix.startsWith('*.')) {
    const host = name.split('/', 1)[0] ?? '';
    return host.endsWith(prefix.slice(1)) ? host.length : -1;
  }
  if (!name.startsWith(prefix)) return -1;
  const next = name[prefix.length];
  return next === undefined || next === '/' || next === ':' ? prefix.length : -1;
}

function endpoint(name: string, insecure: boolean, pull: MirrorRule['pull']): Endpoint {
  const slash = name.indexOf('/');
  return {
    registry: canonicalRegistry(name.slice(0, slash)),
    repository: name.slice(slash + 1),
    insecure,
    pull,
  };
}

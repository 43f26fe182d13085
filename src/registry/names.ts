import { LapidaryError, quoted } from '../errors/index.ts';
import { isDigest, isRepository, isTag } from '../oci/index.ts';

/** Docker Hub's name in references and in our configuration; it is reached by another. */
export const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_HOST = 'registry-1.docker.io';
/** What docker calls it in `config.json` and towards credential helpers. */
export const DOCKER_HUB_SERVER = 'https://index.docker.io/v1/';
const DOCKER_HUB_ALIASES = new Set([DOCKER_HUB, 'index.docker.io', DOCKER_HUB_HOST]);

/** The host to connect to for a registry of a reference. */
export function hostOf(registry: string): string {
  return DOCKER_HUB_ALIASES.has(registry) ? DOCKER_HUB_HOST : registry;
}

/** The one name of a registry in our configuration. */
export function canonicalRegistry(registry: string): string {
  const lower = registry.toLowerCase();
  return DOCKER_HUB_ALIASES.has(lower) ? DOCKER_HUB : lower;
}

/**
 * The name of an entry of credentials, without scheme and API version: `https://index.docker.io/v1/` is `docker.io`,
 * `quay.io/team` stays. What has a scheme names a host only, as docker never wrote namespaces so.
 */
export function normaliseServer(server: string): string {
  const [, scheme, rest = ''] = /^(https?:\/\/)?(.*)$/i.exec(server.trim()) ?? [];
  const slash = rest.indexOf('/');
  const host = canonicalRegistry(slash < 0 ? rest : rest.slice(0, slash));
  const path = slash < 0 || scheme !== undefined ? '' : rest.slice(slash).replace(/\/+$/, '');
  // `host/v1/` and `host/v2/` are servers in the form of old clients
  return /^\/v[12]$/.test(path) ? host : host + path;
}

const HOST = /^(?:[a-z0-9](?:[\w.-]*[a-z0-9])?|\[[a-f0-9:.]+\])(?::\d{1,5})?$/i;

/**
 * Names become parts of URLs: what is none could lead to another host, or elsewhere on the same one.
 * @throws LapidaryError REFERENCE_INVALID
 */
export function checkPlace(registry: string, repository: string): void {
  if (!HOST.test(registry)) throw invalid(registry, 'is no host of a registry');
  if (!isRepository(repository)) throw invalid(repository, 'is no name of a repository');
}

/** The same for tags and digests. @throws LapidaryError REFERENCE_INVALID */
export function checkTarget(target: string): string {
  if (isTag(target) || isDigest(target)) return target;
  throw invalid(target, 'is neither a tag nor a digest');
}

function invalid(text: string, what: string): LapidaryError {
  return new LapidaryError('REFERENCE_INVALID', `${quoted(text)} ${what}`);
}

/** `a/b/c`, `a/b`, `a`: from the most particular to the host. */
export function prefixesOf(name: string): readonly string[] {
  const parts = name.split('/');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}

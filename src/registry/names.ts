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

/** `a/b/c`, `a/b`, `a`: from the most particular to the host. */
export function prefixesOf(name: string): readonly string[] {
  const parts = name.split('/');
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
}

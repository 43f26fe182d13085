import { LapidaryError, quoted } from '../errors/index.ts';
import { type Digest, isDigest } from './digest.ts';

/**
 * The name of an image, normalised: `registry` and `repository` are never short forms. At least one registry
 * is always named, `docker.io` where the text named none.
 */
export type Reference = {
  /** Host name or address, with a port where one was given: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  /** Path below the registry, lower case: `library/alpine`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
};

const DEFAULT_REGISTRY = 'docker.io';
const LEGACY_REGISTRY = 'index.docker.io';
const OFFICIAL = 'library/';
const MAX_TEXT = 1024;
const MAX_REPOSITORY = 255;

const LABEL = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/**
 * Reads an image name as Docker does: `alpine` is `docker.io/library/alpine`. No tag is added, see
 * `withDefaultTag`. A tag and a digest may stand together.
 *
 * Source: github.com/distribution/reference v0.6, grammar and `ParseNormalizedNamed`; digests are sha256 only.
 *
 * @throws LapidaryError REFERENCE_INVALID
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid(text, 'it is empty', 'expected [REGISTRY/]REPOSITORY[:TAG][@DIGEST]');
  if (text.length > MAX_TEXT) throw invalid(text, `it is longer than ${MAX_TEXT} characters`);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    throw invalid(text, 'it is a URL', `leave out ${quoted(text.slice(0, text.indexOf('://') + 3))}`);
  }
  const [beforeDigest = '', digest, extra] = text.split('@');
  if (extra !== undefined || digest === '') throw invalid(text, 'one digest must follow the @');
  const colon = beforeDigest.lastIndexOf(':');
  const hasTag = colon > beforeDigest.lastIndexOf('/'); // else the colon belongs to a port
  const { registry, repository } = checkName(text, hasTag ? beforeDigest.slice(0, colon) : beforeDigest);
  return {
    registry,
    repository,
    ...(hasTag && { tag: checkTag(text, beforeDigest.slice(colon + 1)) }),
    ...(digest !== undefined && { digest: checkDigest(text, digest) }),
  };
}

/** Whether a text is the path of a repository below its registry, and nothing that would lead elsewhere in a URL. */
export function isRepository(text: string): boolean {
  return text.length <= MAX_REPOSITORY && text.split('/').every((component) => COMPONENT.test(component));
}

export const isTag = (text: string): boolean => TAG.test(text);

/** `reference` with the tag `latest` if it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: 'latest' }
    : reference;
}

/** Full form: `docker.io/library/alpine:3.22@sha256:…`. `parseReference` reads it back. */
export function formatReference(reference: Reference): string {
  return `${reference.registry}/${reference.repository}${suffixes(reference)}`;
}

/**
 * The short form that people type: `alpine:3.22`, `me/app`, `ghcr.io/me/app:1`. `parseReference` reads it back,
 * so a repository of Docker Hub that looks like a host name keeps its `docker.io/`.
 */
export function familiarName(reference: Reference): string {
  const { registry, repository } = reference;
  if (registry !== DEFAULT_REGISTRY) return formatReference(reference);
  const official = repository.startsWith(OFFICIAL) ? repository.slice(OFFICIAL.length) : undefined;
  for (const short of [official, repository]) {
    if (short === undefined || short === '') continue;
    const read = splitRegistry(short);
    const hex = /^[0-9a-f]{64}$/.test(short);
    if (!hex && read.registry === registry && read.repository === repository)
      return short + suffixes(reference);
  }
  return formatReference(reference);
}

function suffixes({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

/** The first component is a registry if it could not be a Docker Hub namespace, or is `localhost`. */
function splitRegistry(name: string): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const named = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
  const registry = named && first !== LEGACY_REGISTRY ? first : DEFAULT_REGISTRY;
  const path = named ? name.slice(slash + 1) : name;
  const repository = registry === DEFAULT_REGISTRY && !path.includes('/') ? OFFICIAL + path : path;
  return { registry, repository };
}

function checkName(text: string, name: string): ReturnType<typeof splitRegistry> {
  if (/^[0-9a-f]{64}$/.test(name)) {
    throw invalid(text, 'a repository cannot be named by 64 hex digits', 'write sha256: in front of an ID');
  }
  const { registry, repository } = splitRegistry(name);
  if (!REGISTRY.test(registry)) {
    throw invalid(
      text,
      `${quoted(registry)} is not a registry`,
      'expected a host name with an optional port',
    );
  }
  checkRepository(text, repository);
  return { registry, repository };
}

function checkRepository(text: string, repository: string): void {
  if (repository.length > MAX_REPOSITORY) {
    throw invalid(text, `its repository is longer than ${MAX_REPOSITORY} characters`);
  }
  const wrong = repository.split('/').find((component) => !COMPONENT.test(component));
  if (wrong === undefined) return;
  if (wrong === '') throw invalid(text, 'a component of its repository is empty');
  const lower = wrong.toLowerCase();
  const hint = COMPONENT.test(lower)
    ? `repositories are lower case: write ${quoted(lower)}`
    : 'expected lower case letters and digits, separated by one of . _ __ or by dashes';
  throw invalid(text, `${quoted(wrong)} cannot be part of a repository`, hint);
}

function checkTag(text: string, tag: string): string {
  if (TAG.test(tag)) return tag;
  const hint = 'a tag is 1 to 128 letters, digits, _ . -, and does not begin with . or -';
  throw invalid(text, `${quoted(tag)} is not a tag`, hint);
}

function checkDigest(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  throw invalid(text, `${quoted(digest)} is not a digest`, 'expected sha256: and 64 lowercase hex digits');
}

function invalid(text: string, reason: string, hint?: string): LapidaryError {
  return new LapidaryError('REFERENCE_INVALID', `${quoted(text)} is not an image name: ${reason}`, { hint });
}

import {
  canonicalJson,
  type Descriptor,
  type Digest,
  hexOf,
  isDigest,
  MEDIA,
  parseIndex,
  sha256,
} from '../oci/index.ts';
import { deleteManifest, fetchManifest, putManifest } from './manifests.ts';
import { type Place, type Places, pathIn, pullGrant } from './places.ts';
import { pushBlob } from './push-blob.ts';
import { RegistryError } from './registry-error.ts';
import { pagesOf } from './tags.ts';
import type { CallOptions, ReferrerArtifact } from './types.ts';

const EMPTY = new TextEncoder().encode('{}');
const EMPTY_CONFIG: Descriptor = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: sha256(EMPTY),
  size: EMPTY.length,
};

/**
 * What belongs to a manifest. A registry that does not know the question has the list in the tag that the subject's
 * digest makes.
 *
 * Source: OCI distribution-spec v1.1.1, "Listing Referrers" and "Referrers Tag Schema".
 */
export async function listReferrers(
  places: Places,
  subject: Digest,
  { artifactType, signal }: CallOptions & { readonly artifactType?: string | undefined },
): Promise<readonly Descriptor[]> {
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType }).toString()}`;
  const what = `GET ${pathIn(places.origin, `referrers/${subject}`)}`;
  const found = await places.read({ what, by: 'digest', signal }, (place) =>
    askReferrers(place, `referrers/${subject}${query}`, signal),
  );
  const all = found ?? (await readReferrersTag(places, subject, { signal }));
  // Registries may ignore the filter
  return artifactType === undefined ? all : all.filter((one) => one.artifactType === artifactType);
}

/** `undefined` where the registry has no such list. */
async function askReferrers(
  place: Place,
  rest: string,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  try {
    for await (const page of pagesOf(place, {
      first: pathIn(place, rest),
      grant: pullGrant(place),
      signal,
    })) {
      found.push(...parseIndex(new TextEncoder().encode(JSON.stringify(page))).manifests);
    }
    return found;
  } catch (error) {
    if (error instanceof RegistryError && [400, 404, 405, 501].includes(error.status ?? 0)) return undefined;
    throw error;
  }
}

async function readReferrersTag(
  places: Places,
  subject: Digest,
  options: CallOptions,
): Promise<readonly Descriptor[]> {
  try {
    return parseIndex((await fetchManifest(places, referrersTag(subject), options)).bytes).manifests;
  } catch (error) {
    if (error instanceof RegistryError && error.status === 404) return [];
    throw error;
  }
}

function referrersTag(subject: Digest): string {
  return `sha256-${hexOf(subject)}`;
}

/** See `Repository.pushReferrer`. */
export async function pushReferrer(
  places: Places,
  artifact: ReferrerArtifact,
  options: CallOptions,
): Promise<Descriptor> {
  const { subject, artifactType, annotations } = artifact;
  const layers: Descriptor[] = [];
  for (const { mediaType, bytes } of [
    { mediaType: EMPTY_CONFIG.mediaType, bytes: EMPTY },
    ...artifact.layers,
  ]) {
    const blob = { mediaType, digest: sha256(bytes), size: bytes.length };
    await pushBlob(places, { blob, source: (offset) => from(bytes, offset) }, options);
    layers.push(blob);
  }
  const [config = EMPTY_CONFIG, ...own] = layers;
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    artifactType,
    config,
    // A manifest must have a layer
    layers: own.length === 0 ? [EMPTY_CONFIG] : own,
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    ...(annotations && { annotations }),
  };
  const bytes = new TextEncoder().encode(canonicalJson(manifest));
  const put = { bytes, mediaType: MEDIA.ociManifest, target: undefined, ...options };
  const { descriptor, subjectSeen } = await putManifest(places, put);
  const listed = { ...descriptor, artifactType, ...(annotations && { annotations }) };
  if (!subjectSeen) await addToReferrersTag(places, { subject: subject.digest, listed }, options);
  return listed;
}

/**
 * Removes a manifest, or a tag. One that belongs to a subject is also taken from the list that clients keep where the
 * registry keeps none. Source: OCI distribution-spec v1.1.1, "Deleting Manifests".
 */
export async function removeManifest(places: Places, target: string, options: CallOptions): Promise<void> {
  const subject = isDigest(target) ? await subjectOf(places, target, options) : undefined;
  await deleteManifest(places, target, options);
  if (subject === undefined) return;
  const { origin } = places;
  if ((await askReferrers(origin, `referrers/${subject}`, options.signal)) !== undefined) return;
  const before = await readReferrersTag(places, subject, options);
  const manifests = before.filter(({ digest }) => digest !== target);
  if (manifests.length < before.length) await putReferrersTag(places, { subject, manifests }, options);
}

async function subjectOf(places: Places, target: Digest, options: CallOptions): Promise<Digest | undefined> {
  const { bytes } = await fetchManifest(places, target, options);
  try {
    const { subject } = Object(JSON.parse(new TextDecoder().decode(bytes))) as { readonly subject?: unknown };
    const { digest } = Object(subject) as { readonly digest?: unknown };
    return typeof digest === 'string' && isDigest(digest) ? digest : undefined;
  } catch {
    // What is no manifest goes all the same
    return undefined;
  }
}

/** For registries that do not keep the list themselves. Two that do this at once may lose one: the protocol has no more. */
async function addToReferrersTag(
  places: Places,
  { subject, listed }: { readonly subject: Digest; readonly listed: Descriptor },
  options: CallOptions,
): Promise<void> {
  const before = await readReferrersTag(places, subject, options);
  if (before.some(({ digest }) => digest === listed.digest)) return;
  await putReferrersTag(places, { subject, manifests: [...before, listed] }, options);
}

async function putReferrersTag(
  places: Places,
  { subject, manifests }: { readonly subject: Digest; readonly manifests: readonly Descriptor[] },
  options: CallOptions,
): Promise<void> {
  const index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests };
  const bytes = new TextEncoder().encode(canonicalJson(index));
  await putManifest(places, { bytes, mediaType: MEDIA.ociIndex, target: referrersTag(subject), ...options });
}

async function* from(bytes: Uint8Array, offset: number): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(offset);
}

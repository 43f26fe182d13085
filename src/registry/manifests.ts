import { LapidaryError, quoted } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  isDigest,
  isIndexType,
  isManifestType,
  MEDIA,
  sha256,
} from '../oci/index.ts';
import { discard, readBody } from './answer-body.ts';
import type { Answer, RequestBody } from './exchange.ts';
import { type Place, type Places, pathIn, pullGrant, pushGrant } from './places.ts';
import { protocolError } from './registry-error.ts';
import type { CallOptions, FetchedManifest } from './types.ts';

/** Registries refuse larger ones, and so do readers. */
export const MAX_MANIFEST_BYTES: number = 4 * 1024 * 1024;

const ACCEPT = [MEDIA.ociIndex, MEDIA.ociManifest, MEDIA.dockerIndex, MEDIA.dockerManifest].join(', ');

/** By HEAD, where the registry answers that with all that is needed. */
export async function resolveManifest(
  places: Places,
  target: string,
  { signal }: CallOptions,
): Promise<Descriptor> {
  const by = isDigest(target) ? 'digest' : 'tag';
  const what = `HEAD ${pathIn(places.origin, `manifests/${target}`)}`;
  return places.read({ what, by, signal }, async (place) => {
    const answer = await place.host.attempt(manifestRequest(place, 'HEAD', target, signal), [200, 405]);
    discard(answer);
    return (
      (answer.status === 200 ? fromHeaders(answer, target) : undefined) ??
      (await fetchFrom(place, target, signal)).descriptor
    );
  });
}

/** Asks the registry itself. */
export async function hasManifest(
  { origin }: Places,
  digest: Digest,
  { signal }: CallOptions,
): Promise<boolean> {
  const request = { ...manifestRequest(origin, 'HEAD', digest, signal), grant: pushGrant(origin) };
  const answer = await origin.host.send(request, [200, 404, 405]);
  discard(answer);
  return answer.status === 200;
}

function fromHeaders({ headers }: Answer, target: string): Descriptor | undefined {
  const digest = headers['docker-content-digest'];
  const mediaType = headerType(headers['content-type']);
  const size = Number(headers['content-length']);
  const known = mediaType !== undefined && (isIndexType(mediaType) || isManifestType(mediaType));
  if (typeof digest !== 'string' || !isDigest(digest) || !known) return undefined;
  if (!Number.isSafeInteger(size) || size <= 0 || (isDigest(target) && target !== digest)) return undefined;
  return { mediaType, digest, size };
}

export async function fetchManifest(
  places: Places,
  target: string,
  { signal }: CallOptions,
): Promise<FetchedManifest> {
  const by = isDigest(target) ? 'digest' : 'tag';
  const what = `GET ${pathIn(places.origin, `manifests/${target}`)}`;
  return places.read({ what, by, signal }, (place) => fetchFrom(place, target, signal));
}

async function fetchFrom(
  place: Place,
  target: string,
  signal: AbortSignal | undefined,
): Promise<FetchedManifest> {
  const answer = await place.host.attempt(manifestRequest(place, 'GET', target, signal), [200]);
  const { idle: idleMs } = place.host.session.timeouts;
  const bytes = await readBody(answer, { maxBytes: MAX_MANIFEST_BYTES, idleMs, signal });
  const digest = sha256(bytes);
  const header = answer.headers['docker-content-digest'];
  const promised = isDigest(target)
    ? target
    : typeof header === 'string' && isDigest(header)
      ? header
      : digest;
  if (digest !== promised) throw wrongManifest(place, promised, digest);
  const mediaType = typeOf(bytes) ?? headerType(answer.headers['content-type']);
  if (mediaType === undefined) throw protocolError(answer, 'with a manifest of no media type');
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

function manifestRequest(
  place: Place,
  method: 'GET' | 'HEAD',
  target: string,
  signal: AbortSignal | undefined,
) {
  return {
    method,
    path: pathIn(place, `manifests/${target}`),
    headers: { accept: ACCEPT },
    grant: pullGrant(place),
    signal,
  };
}

/** What the document says of itself counts: some registries send what they like in the header. */
function typeOf(bytes: Uint8Array): string | undefined {
  try {
    const { mediaType, manifests, layers } = Object(JSON.parse(new TextDecoder().decode(bytes))) as {
      readonly [K in 'mediaType' | 'manifests' | 'layers']?: unknown;
    };
    if (typeof mediaType === 'string') return mediaType;
    if (Array.isArray(manifests)) return MEDIA.ociIndex;
    return Array.isArray(layers) ? MEDIA.ociManifest : undefined;
  } catch {
    return undefined;
  }
}

function headerType(header: string | undefined): string | undefined {
  return header?.split(';', 1)[0]?.trim().toLowerCase() || undefined;
}

function wrongManifest({ endpoint }: Place, promised: string, digest: string): LapidaryError {
  const name = `${endpoint.registry}/${endpoint.repository}`;
  return new LapidaryError(
    'DIGEST_MISMATCH',
    `the manifest ${promised} of ${quoted(name)} came as ${digest}`,
    {
      hint: 'the registry or a proxy before it is damaged or changes what it hands on',
    },
  );
}

/** Writes to the registry itself. The digest is that of the bytes, whatever the registry answers. */
export async function putManifest(
  { origin }: Places,
  {
    bytes,
    mediaType,
    target,
    signal,
  }: {
    readonly bytes: Uint8Array;
    readonly mediaType: string;
    readonly target: string | undefined;
  } & CallOptions,
): Promise<{ readonly descriptor: Descriptor; readonly subjectSeen: boolean }> {
  const digest = sha256(bytes);
  const answer = await origin.host.send(
    {
      method: 'PUT',
      path: pathIn(origin, `manifests/${target ?? digest}`),
      headers: { 'content-type': mediaType },
      body: bodyOf(bytes),
      grant: pushGrant(origin),
      signal,
    },
    [200, 201, 202],
  );
  discard(answer);
  const stored = answer.headers['docker-content-digest'];
  if (typeof stored === 'string' && isDigest(stored) && stored !== digest) {
    throw protocolError(answer, `that it stored the manifest ${digest} as ${stored}`);
  }
  const subjectSeen = answer.headers['oci-subject'] !== undefined;
  return { descriptor: { mediaType, digest, size: bytes.length }, subjectSeen };
}

export async function deleteManifest(
  { origin }: Places,
  target: string,
  { signal }: CallOptions,
): Promise<void> {
  const [own] = pushGrant(origin).scopes;
  const grant = { ...pushGrant(origin), scopes: [`${own},delete`] };
  const path = pathIn(origin, `manifests/${target}`);
  const answer = await origin.host.send({ method: 'DELETE', path, grant, signal }, [200, 202]);
  discard(answer);
}

/** Bytes as the body of a request. */
export function bodyOf(bytes: Uint8Array): RequestBody {
  return {
    size: bytes.length,
    async *open(): AsyncGenerator<Uint8Array> {
      yield bytes;
    },
  };
}

import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { errorReply, json, Violation } from './reply.ts';
import { IS_DIGEST } from './route.ts';
import type { Repository, Storage, StoredManifest } from './storage.ts';
import type { Exchange, RegistryOptions, Reply } from './types.ts';

const MAX_BYTES = 4 * 1024 * 1024;
/** Layers that registries need not have: OCI image-spec v1.1.1, "Non-Distributable Layers", and Docker's. */
const FOREIGN = /nondistributable|foreign/;

type Descriptor = {
  readonly mediaType?: string;
  readonly digest?: string;
  readonly size?: number;
};
type Document = {
  readonly schemaVersion?: number;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
};

export async function answerManifest(
  exchange: Exchange,
  storage: Storage,
  options: RegistryOptions,
): Promise<Reply> {
  const { method, route } = exchange;
  if (method === 'PUT') return put(exchange, storage, options);
  const repository = storage.repositories.get(route.name);
  const digest = repository?.tags.get(route.reference) ?? route.reference;
  const found = repository?.manifests.get(digest);
  if (repository === undefined || found === undefined) {
    return errorReply(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  }
  if (method === 'DELETE') return remove(repository, route.reference, options);
  if (!isAccepted(exchange, found)) {
    throw new Violation(404, 'MANIFEST_UNKNOWN', `${found.mediaType} is not in Accept`);
  }
  const headers = { 'Content-Type': found.mediaType, 'Docker-Content-Digest': digest };
  return { status: 200, headers: { ...headers, 'Content-Length': found.bytes.length }, body: found.bytes };
}

function isAccepted({ headers }: Exchange, { mediaType }: StoredManifest): boolean {
  const accepted = new Set((headers.accept ?? '').split(',').map((type) => type.split(';')[0]?.trim()));
  return accepted.has(mediaType) || accepted.has('*/*');
}

function remove(repository: Repository, reference: string, { deletion = true }: RegistryOptions): Reply {
  if (!deletion) return errorReply(405, 'UNSUPPORTED', 'deletion is off');
  if (repository.tags.delete(reference)) return { status: 202 };
  repository.manifests.delete(reference);
  for (const [tag, digest] of repository.tags) if (digest === reference) repository.tags.delete(tag);
  return { status: 202 };
}

async function put(
  { route, headers, body }: Exchange,
  storage: Storage,
  { referrers = true }: RegistryOptions,
): Promise<Reply> {
  const bytes = await buffer(body);
  const mediaType = headers['content-type'] ?? '';
  if (bytes.length > MAX_BYTES) throw new Violation(413, 'MANIFEST_INVALID', `${bytes.length} bytes`);
  const document = parse(bytes);
  if (mediaType === '' || (document.mediaType ?? mediaType) !== mediaType) {
    throw new Violation(400, 'MANIFEST_INVALID', `Content-Type ${mediaType} of a ${document.mediaType}`);
  }
  const digest = digestOf(bytes, route.reference);
  const isTag = !IS_DIGEST.test(route.reference);
  if (!isTag && digest !== route.reference)
    throw new Violation(400, 'DIGEST_INVALID', `${digest} is not ${route.reference}`);
  const repository = storage.repository(route.name);
  await assertComplete(document, repository, storage);
  repository.manifests.set(digest, { bytes, mediaType });
  if (isTag) repository.tags.set(route.reference, digest);
  const subject = document.subject?.digest;
  const Location = `/v2/${route.name}/manifests/${digest}`;
  return {
    status: 201,
    headers: {
      Location,
      'Docker-Content-Digest': digest,
      'Content-Length': 0,
      ...(referrers && subject !== undefined && { 'OCI-Subject': subject }),
    },
  };
}

/** In the algorithm of the reference, where that is a digest. */
function digestOf(bytes: Uint8Array, reference: string): string {
  const algorithm = reference.startsWith('sha512:') ? 'sha512' : 'sha256';
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

function parse(bytes: Buffer): Document {
  try {
    const document = JSON.parse(bytes.toString()) as Document;
    if (document.schemaVersion === 2) return document;
  } catch {
    // said below
  }
  throw new Violation(400, 'MANIFEST_INVALID', 'no JSON object with schemaVersion 2');
}

/** Blobs and manifests of an image are there before it is, in this repository, and as long as it says. */
async function assertComplete(
  { config, layers = [], manifests = [] }: Document,
  repository: Repository,
  storage: Storage,
): Promise<void> {
  for (const { mediaType = '', digest = '', size } of [...(config ? [config] : []), ...layers]) {
    if (FOREIGN.test(mediaType)) continue;
    if (!repository.blobs.has(digest)) throw new Violation(400, 'MANIFEST_BLOB_UNKNOWN', digest);
    if ((await storage.sizeOf(digest)) !== size) throw new Violation(400, 'SIZE_INVALID', digest);
  }
  for (const { digest = '', size, mediaType } of manifests) {
    const found = repository.manifests.get(digest);
    if (found === undefined) throw new Violation(400, 'MANIFEST_BLOB_UNKNOWN', digest);
    if (found.bytes.length !== size) throw new Violation(400, 'SIZE_INVALID', digest);
    if (found.mediaType !== mediaType) throw new Violation(400, 'MANIFEST_INVALID', `${mediaType} ${digest}`);
  }
}

/** distribution-spec v1.1.1, "Listing Tags" and "Listing Referrers". */
export function answerTags({ url, route }: Exchange, storage: Storage, options: RegistryOptions): Reply {
  const repository = storage.repositories.get(route.name);
  if (repository === undefined) return errorReply(404, 'NAME_UNKNOWN', 'repository name not known');
  const last = url.searchParams.get('last') ?? '';
  const asked = Number(url.searchParams.get('n') ?? Number.MAX_SAFE_INTEGER);
  const tags = [...repository.tags.keys()].sort().filter((tag) => tag > last);
  const page = tags.slice(0, Math.min(asked, options.pageSize ?? asked));
  const next = `/v2/${route.name}/tags/list?n=${page.length}&last=${page.at(-1)}`;
  const headers = page.length < tags.length ? { Link: `<${next}>; rel="next"` } : {};
  return json({ name: route.name, tags: page }, { headers });
}

export function answerReferrers({ url, route }: Exchange, storage: Storage, options: RegistryOptions): Reply {
  if (options.referrers === false) return errorReply(404, 'UNSUPPORTED', 'no referrers here');
  const wanted = url.searchParams.get('artifactType');
  const all = [...(storage.repositories.get(route.name)?.manifests ?? [])].flatMap(([digest, manifest]) => {
    const document = parse(manifest.bytes);
    if (document.subject?.digest !== route.reference) return [];
    const { mediaType, bytes } = manifest;
    const artifactType = document.artifactType ?? document.config?.mediaType;
    return [{ mediaType, digest, size: bytes.length, artifactType, annotations: document.annotations }];
  });
  const matching = all.filter(({ artifactType }) => wanted === null || artifactType === wanted);
  const from = Number(url.searchParams.get('from') ?? 0);
  const to = from + (options.pageSize ?? matching.length);
  const next = new URLSearchParams({ ...(wanted !== null && { artifactType: wanted }), from: String(to) });
  return json(
    {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: matching.slice(from, to),
    },
    {
      headers: {
        'Content-Type': 'application/vnd.oci.image.index.v1+json',
        ...(wanted !== null && { 'OCI-Filters-Applied': 'artifactType' }),
        ...(to < matching.length && { Link: `<${url.pathname}?${next.toString()}>; rel="next"` }),
      },
    },
  );
}

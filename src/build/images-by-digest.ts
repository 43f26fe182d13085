import { stat } from 'node:fs/promises';
import { LapidaryError } from '../errors/index.ts';
import { type Digest, isDigest, parseManifestOrIndex } from '../oci/index.ts';
import type { BlobStore, FactStore, StoredImage } from '../solve/index.ts';
import { findUnnamed } from './unnamed-images.ts';

/** As much as a manifest or an index may have. */
const MAX_BYTES = 4 * 1024 * 1024;
const MAX_LINES = 1000;

/**
 * The images that a digest stands for, of those given and of those without a name: the one of a manifest, or those of an index in its order, such as a
 * build for several platforms writes to its `--iidfile`. Empty for any other text.
 */
export async function imagesByDigest(
  name: string,
  images: readonly StoredImage[],
  { blobs, facts }: { readonly blobs: BlobStore; readonly facts: Pick<FactStore, 'get'> },
): Promise<StoredImage[]> {
  const digest = name.startsWith('sha256:') ? name : `sha256:${name}`;
  if (!isDigest(digest)) return [];
  const ids = await idsBelow(digest, blobs);
  const found = await Promise.all(
    ids.map(async (id) => images.find((image) => image.id === id) ?? (await findUnnamed(id, facts))),
  );
  return found.filter((image) => image !== undefined);
}

async function idsBelow(digest: Digest, blobs: BlobStore): Promise<Digest[]> {
  const found = await readDocument(digest, blobs);
  if (found?.kind === 'manifest') return [found.manifest.config.digest];
  const lines = found?.index.manifests.slice(0, MAX_LINES) ?? [];
  const documents = await Promise.all(lines.map((line) => readDocument(line.digest, blobs)));
  return documents.flatMap((one) => (one?.kind === 'manifest' ? [one.manifest.config.digest] : []));
}

/** Whatever else is stored under a digest is not asked for. */
async function readDocument(
  digest: Digest,
  blobs: BlobStore,
): Promise<ReturnType<typeof parseManifestOrIndex> | undefined> {
  if (!(await blobs.has(digest)) || (await stat(blobs.path(digest))).size > MAX_BYTES) return undefined;
  const bytes = await blobs.readBytes(digest);
  try {
    return parseManifestOrIndex(bytes);
  } catch (error) {
    if (error instanceof LapidaryError && error.code === 'MANIFEST_INVALID') return undefined;
    throw error;
  }
}

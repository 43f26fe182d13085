import { LapidaryError, quoted } from '../errors/index.ts';
import {
  type Descriptor,
  type Digest,
  formatReference,
  MEDIA,
  parseManifest,
  type Reference,
} from '../oci/index.ts';
import type { Repository } from '../registry/index.ts';
import { Semaphore, type StoredImage } from '../solve/index.ts';
import { notePlace } from './blob-places.ts';
import { blobsIn, type CopyDocument, type CopyPlan, type CopySource } from './copy-plan.ts';
import { fetchForOutput } from './prepare-output.ts';
import { BlobPusher } from './push-blobs.ts';
import type { RemoteAccess } from './remote-access.ts';
import { storedImage } from './remote-image.ts';

type Copy = { readonly plan: CopyPlan; readonly source: CopySource; readonly remote: RemoteAccess };

/** Blobs, then manifests, the name last. */
export async function copyToRegistry({ plan, source, remote }: Copy, reference: Reference): Promise<void> {
  const { signal, registries, emit } = remote;
  const { digest } = plan.root.descriptor;
  if (reference.digest !== undefined && reference.digest !== digest) {
    throw new LapidaryError(
      'DIGEST_MISMATCH',
      `the image has the digest ${digest}, not ${reference.digest}`,
      {
        hint: 'name the destination by a tag, or without one',
      },
    );
  }
  const repository = await registries.repository(reference);
  const pusher = new BlobPusher(repository, remote);
  // What has a manifest has all of its blobs
  const there = await existing(plan.documents, repository, remote);
  const missing = plan.documents.filter((document) => !there.has(document.descriptor.digest));
  await each(blobsIn(missing), remote, async (blob) => {
    const place = source.placeOf?.(blob);
    if (place !== undefined) await notePlace(remote.store.facts, blob.digest, place);
    await pusher.push(blob, (offset) => source.read(blob, offset));
  });
  for (const { descriptor, bytes } of plan.documents) {
    const target = descriptor.digest === digest ? reference.tag : undefined;
    if (target === undefined && there.has(descriptor.digest)) continue;
    await repository.putManifest({ bytes, mediaType: descriptor.mediaType }, target, { signal });
  }
  emit({ type: 'pushed', reference: formatReference(reference), digest });
}

/** Digests of those manifests and indexes that a repository has already. */
async function existing(
  documents: readonly CopyDocument[],
  repository: Repository,
  remote: RemoteAccess,
): Promise<ReadonlySet<Digest>> {
  const there = new Set<Digest>();
  await each(documents, remote, async ({ descriptor: { digest } }) => {
    if (await repository.hasManifest(digest, { signal: remote.signal })) there.add(digest);
  });
  return there;
}

/** Into an OCI layout, as a directory or an archive. @returns bytes written */
export async function copyToLayout(
  { plan, source, remote }: Copy,
  target: { readonly dest: string; readonly tar: boolean; readonly tag: string | undefined },
): Promise<number> {
  const { copyLayout } = await import('../export/index.ts');
  const blobs = blobsIn(plan.documents).map((descriptor) => ({
    descriptor,
    read: () => source.read(descriptor, 0),
  }));
  return copyLayout({
    ...target,
    blobs,
    documents: plan.documents,
    root: plan.root.descriptor,
    signal: remote.signal,
  });
}

/** Into the local store, not unpacked: the images of it, one per platform. */
export async function copyToStore({ plan, source, remote }: Copy): Promise<StoredImage[]> {
  const { store } = remote;
  await each(blobsIn(plan.documents), remote, (blob) => source.toStore(blob));
  const images: StoredImage[] = [];
  for (const { descriptor, bytes } of plan.documents) {
    await store.blobs.putBytes(bytes);
    if (isImageManifest(descriptor, bytes))
      images.push(await storedImage(descriptor, { store, name: source.name }));
  }
  if (images.length > 0) return images;
  throw new LapidaryError('IMAGE_NOT_FOUND', `${quoted(source.name)} is no container image`);
}

/** As what `docker load` reads. */
export async function copyToDockerArchive(
  copy: Copy,
  { dest, references }: { readonly dest: string; readonly references: readonly string[] },
): Promise<number> {
  const { remote } = copy;
  const images = await fetchForOutput(await copyToStore(copy), { type: 'docker' }, remote.fetcher);
  const { writeImage } = await import('../export/index.ts');
  const output = { type: 'docker', dest, tar: true } as const;
  return (await writeImage({ images, references, output, signal: remote.signal }, remote.store)).size;
}

function isImageManifest({ mediaType }: Descriptor, bytes: Uint8Array): boolean {
  if (mediaType !== MEDIA.ociManifest && mediaType !== MEDIA.dockerManifest) return false;
  const { config } = parseManifest(bytes);
  return config.mediaType === MEDIA.ociConfig || config.mediaType === MEDIA.dockerConfig;
}

async function each<T>(
  items: readonly T[],
  { jobs }: RemoteAccess,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const places = new Semaphore(jobs);
  await Promise.all(items.map((item) => places.run(() => work(item))));
}

import type { Descriptor, Digest } from '../oci/index.ts';
import { hasBlob } from './blob-read.ts';
import { BlobUpload } from './blob-upload.ts';
import { Fault } from './fault.ts';
import { type Place, type Places, pathIn, pushGrant } from './places.ts';
import { RegistryError } from './registry-error.ts';
import type { CallOptions, OpenSource, PushBlobOptions, PushOutcome } from './types.ts';
import { UploadSession } from './upload-session.ts';

type Blob = Pick<Descriptor, 'digest' | 'size'>;

/** See `Repository.pushBlob`. */
export async function pushBlob(
  places: Places,
  { blob, source }: { readonly blob: Blob; readonly source: OpenSource },
  options: PushBlobOptions,
): Promise<PushOutcome> {
  const { mountFrom = [], signal } = options;
  const grant = pushGrant(places.origin, mountFrom);
  if (await hasBlob(places, blob.digest, { signal, grant })) return 'exists';
  let session: UploadSession | undefined;
  for (const from of mountFrom) {
    await session?.cancel();
    const opened = await tryMount(places.origin, { digest: blob.digest, from, signal });
    if (opened === 'mounted') return 'mounted';
    session = opened;
  }
  await new BlobUpload(places.origin, { blob, source, options, session }).run();
  return 'uploaded';
}

export async function mountBlob(
  { origin }: Places,
  digest: Digest,
  { from, signal }: CallOptions & { readonly from: string },
): Promise<boolean> {
  const opened = await tryMount(origin, { digest, from, signal });
  if (opened === 'mounted') return true;
  await opened?.cancel();
  return false;
}

/** The upload that the registry opens where it does not mount; `undefined` where it refuses that, too. */
async function tryMount(
  origin: Place,
  { digest, from, signal }: CallOptions & { readonly digest: Digest; readonly from: string },
): Promise<UploadSession | 'mounted' | undefined> {
  const grant = pushGrant(origin, [from]);
  const patience = origin.host.patience(`POST ${pathIn(origin, 'blobs/uploads/')}`);
  while (true) {
    try {
      return (await UploadSession.open(origin, { grant, signal, mount: { digest, from } })) ?? 'mounted';
    } catch (error) {
      // The other repository may not be readable; whether this one may be written is found out without it
      if (error instanceof RegistryError && error.status !== undefined) return undefined;
      if (!(error instanceof Fault)) throw error;
      await patience.wait(error, signal);
    }
  }
}

/** Finds out whether uploads are allowed. */
export async function checkPush({ origin }: Places, { signal }: CallOptions): Promise<void> {
  const grant = pushGrant(origin);
  const patience = origin.host.patience(`POST ${pathIn(origin, 'blobs/uploads/')}`);
  while (true) {
    try {
      const session = await UploadSession.open(origin, { grant, signal });
      await session?.cancel();
      return;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await patience.wait(error, signal);
    }
  }
}

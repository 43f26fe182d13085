import type { Descriptor } from '../oci/index.ts';
import { parseIndex } from '../oci/index.ts';
import type { BlobStore } from '../solve/index.ts';
import { type ImageArchive, openImageFiles } from './image-archive.ts';
import { MAX_JSON_BYTES, mismatch } from './image-archive-files.ts';
import { layoutBlob } from './oci-layout.ts';
import { type LayoutPick, pickLines } from './oci-layout-pick.ts';

/** One image of an OCI layout or archive as it is stored, for whoever copies it without unpacking. */
export type LayoutSource = {
  /** Of a manifest or an index. */
  readonly root: Descriptor;
  /** Puts a blob of it into the blob store. @throws LapidaryError IMAGE_NOT_FOUND, DIGEST_MISMATCH */
  toStore(descriptor: Descriptor): Promise<void>;
};

/**
 * @throws LapidaryError IMAGE_NOT_FOUND when `pick` names nothing, or several images
 */
export async function openLayoutSource(
  archive: ImageArchive,
  pick: LayoutPick,
  { blobs, signal }: { readonly blobs: BlobStore; readonly signal: AbortSignal },
): Promise<LayoutSource> {
  const files = await openImageFiles(archive, { blobs, signal });
  const { manifests } = parseIndex(await files.read('index.json', MAX_JSON_BYTES));
  const [line] = pickLines(manifests, pick, files.name);
  if (line === undefined) throw new Error('a pick without a line');
  const { mediaType, digest, size } = line;
  return {
    root: { mediaType, digest, size },
    async toStore(descriptor) {
      const path = layoutBlob(descriptor.digest);
      try {
        await files.toBlob(path, descriptor);
      } catch (error) {
        throw mismatch(files, path, error);
      }
    },
  };
}

import type { Descriptor } from '../oci/index.ts';
import { writeArchive } from './archive.ts';
import { type ImageDocument, LAYOUT_MARK, layoutIndexJson, REF_NAME } from './layout.ts';
import { writeLayoutDirectory } from './layout-directory.ts';
import { blobName, bytesBlob, bytesMember, type Member } from './member.ts';
import { verified } from './metered.ts';
import { openOutput } from './output.ts';
import { writing } from './write-error.ts';

export type LayoutCopy = {
  readonly dest: string;
  /** An archive, else a directory. */
  readonly tar: boolean;
  /** What the image is called in the layout. */
  readonly tag: string | undefined;
  readonly blobs: readonly {
    readonly descriptor: Descriptor;
    readonly read: () => AsyncIterable<Uint8Array>;
  }[];
  readonly documents: readonly ImageDocument[];
  readonly root: Descriptor;
  readonly signal: AbortSignal;
};

/** Writes an image as it is into an OCI layout, its digests unchanged. @returns bytes written */
export function copyLayout(copy: LayoutCopy): Promise<number> {
  const { dest, tar, tag, root, signal } = copy;
  const members: Member[] = [
    ...copy.blobs.map(({ descriptor: { digest, size }, read }) => ({
      name: blobName(digest),
      size,
      read: () => verified(read(), { what: `blob ${digest}`, digest, size }),
    })),
    ...copy.documents.map(({ bytes }) => bytesBlob(bytes).member),
  ];
  const { mediaType, digest, size } = root;
  const line = { mediaType, digest, size, ...(tag !== undefined && { annotations: { [REF_NAME]: tag } }) };
  return writing(dest, signal, async () => {
    if (!tar) return writeLayoutDirectory(dest, { members, manifests: [line], signal });
    await using output = await openOutput({ dest, stdout: undefined, signal });
    const files = [
      bytesMember('oci-layout', LAYOUT_MARK),
      bytesMember('index.json', layoutIndexJson([line])),
    ];
    await writeArchive(output, [...members, ...files], signal);
    await output.commit();
    return output.size;
  });
}

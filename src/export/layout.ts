import {
  canonicalJson,
  type Descriptor,
  type DiffId,
  type ImageConfig,
  type Index,
  type Manifest,
  MEDIA,
  type Platform,
  parseReference,
} from '../oci/index.ts';
import type { StoredImage, StoredLayer } from '../solve/index.ts';
import { bytesBlob, type Member } from './member.ts';
import type { ExportPorts } from './types.ts';

/** An image as the files of an OCI layout, but for `index.json` and `oci-layout`. */
export type LayoutImage = {
  readonly members: readonly Member[];
  /** Of the manifest, or of the index over several manifests. */
  readonly descriptor: Descriptor;
};

/** `diffId` is the stored layer's, unless its blob holds another tar. */
export type LayerMember = {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  readonly member: Member;
};

/** What containerd and BuildKit read the whole name of an image from. */
export const IMAGE_NAME: string = 'io.containerd.image.name';
/** OCI image-spec v1.1.1, annotations.md: the tag within a layout. */
export const REF_NAME: string = 'org.opencontainers.image.ref.name';
/** OCI image-spec v1.1.1, image-layout.md: the file `oci-layout`. */
export const LAYOUT_MARK: Uint8Array = jsonBytes({ imageLayoutVersion: '1.0.0' });

/**
 * Manifest, configuration and layers of one image. The manifest's bytes depend on the configuration and the
 * layers' descriptors alone.
 */
export async function layoutImage(
  image: StoredImage,
  ports: ExportPorts,
  toMember: (layer: StoredLayer) => Promise<LayerMember>,
): Promise<LayoutImage> {
  const layers: LayerMember[] = [];
  for (const layer of image.layers) layers.push(await toMember(layer));
  const diffIds = layers.map(({ diffId }) => diffId);
  const { digest: id, size: configSize, member: configMember } = await configBlob(image, diffIds, ports);
  const config: Descriptor = { mediaType: MEDIA.ociConfig, digest: id, size: configSize };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const { member, digest, size } = bytesBlob(jsonBytes(manifest));
  return {
    members: [configMember, ...layers.map((layer) => layer.member), member],
    descriptor: { mediaType: MEDIA.ociManifest, digest, size, platform: platformOf(image) },
  };
}

/** The image's configuration as it is in the store, but for diffIDs that are others in this output. */
async function configBlob(
  image: StoredImage,
  diffIds: readonly DiffId[],
  { blobs }: ExportPorts,
): Promise<ReturnType<typeof bytesBlob>> {
  const bytes = await blobs.readBytes(image.id);
  if (image.layers.every((layer, index) => layer.diffId === diffIds[index])) return bytesBlob(bytes);
  const config = JSON.parse(Buffer.from(bytes).toString('utf8')) as ImageConfig;
  return bytesBlob(jsonBytes({ ...config, rootfs: { ...config.rootfs, diff_ids: diffIds } }));
}

/** Several platforms under one index, in the order given. */
export function layoutIndex(images: readonly LayoutImage[]): LayoutImage {
  const manifests = images.map(({ descriptor }) => descriptor);
  const index: Index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests };
  const { member, digest, size } = bytesBlob(jsonBytes(index));
  return {
    members: [...images.flatMap(({ members }) => members), member],
    descriptor: { mediaType: MEDIA.ociIndex, digest, size },
  };
}

/** The lines of `index.json` that name an image: one per reference as BuildKit writes them, else one bare. */
export function namedDescriptors(descriptor: Descriptor, references: readonly string[]): Descriptor[] {
  if (references.length === 0) return [descriptor];
  return references.map((reference) => {
    const { tag } = parseReference(reference);
    const annotations = {
      [IMAGE_NAME]: reference,
      ...(tag === undefined ? {} : { [REF_NAME]: tag }),
    };
    return { ...descriptor, annotations };
  });
}

/** Bytes of `index.json`. */
export function layoutIndexJson(manifests: readonly Descriptor[]): Uint8Array {
  return jsonBytes({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests });
}

/** Only what the image specification knows of a platform. */
function platformOf({ platform }: StoredImage): Platform {
  const { os, architecture, variant } = platform;
  const version = platform['os.version'];
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(version === undefined ? {} : { 'os.version': version }),
  };
}

function jsonBytes(value: object): Uint8Array {
  return Buffer.from(canonicalJson(value), 'utf8');
}

import {
  asDockerLayer,
  canonicalJson,
  type Descriptor,
  type DiffId,
  type ImageConfig,
  type Index,
  type Manifest,
  MEDIA,
  type Platform,
  parseReference,
  sha256,
} from '../oci/index.ts';
import type { StoredImage, StoredLayer } from '../solve/index.ts';
import type { LayerBlob } from './layer-blob.ts';
import { bytesBlob, type Member } from './member.ts';
import type { ExportPorts } from './types.ts';

/** An image as the files of an OCI layout, but for `index.json` and `oci-layout`. */
export type LayoutImage = {
  readonly members: readonly Member[];
  /** Of the manifest, or of the index over several manifests. */
  readonly descriptor: Descriptor;
};

export type LayerMember = LayerBlob & { readonly member: Member };

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
  ports: ExportPorts & MediaTypes,
  toMember: (layer: StoredLayer) => Promise<LayerMember>,
): Promise<LayoutImage> {
  const layers: LayerMember[] = [];
  for (const layer of image.layers) layers.push(await toMember(layer));
  const { config, manifest } = await imageDocuments(image, layers, ports);
  return {
    members: [
      bytesBlob(config.bytes).member,
      ...layers.map((layer) => layer.member),
      bytesBlob(manifest.bytes).member,
    ],
    descriptor: manifest.descriptor,
  };
}

/** A configuration, manifest or index as it is written. */
export type ImageDocument = { readonly descriptor: Descriptor; readonly bytes: Uint8Array };

/** Whether documents are of OCI, which is the default, or of Docker's schema 2. */
export type MediaTypes = { readonly ociMediaTypes?: boolean | undefined };

/** Configuration and manifest of an image whose layers are these blobs, in order. The manifest says the platform. */
export async function imageDocuments(
  image: StoredImage,
  layers: readonly LayerBlob[],
  { ociMediaTypes = true, ...ports }: Pick<ExportPorts, 'blobs'> & MediaTypes,
): Promise<{ readonly config: ImageDocument; readonly manifest: ImageDocument }> {
  const diffIds = layers.map(({ diffId }) => diffId);
  const configType = ociMediaTypes ? MEDIA.ociConfig : MEDIA.dockerConfig;
  const config = documentOf(configType, await configBytes(image, diffIds, ports));
  const mediaType = ociMediaTypes ? MEDIA.ociManifest : MEDIA.dockerManifest;
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => (ociMediaTypes ? descriptor : dockerLayer(descriptor))),
  };
  const { descriptor, bytes } = documentOf(mediaType, jsonBytes(manifest));
  return { config, manifest: { descriptor: { ...descriptor, platform: platformOf(image) }, bytes } };
}

function dockerLayer(descriptor: Descriptor): Descriptor {
  const layer = asDockerLayer(descriptor);
  if (layer !== undefined) return layer;
  throw new Error(`Docker's schema 2 has no name for a layer of the type ${descriptor.mediaType}`);
}

function documentOf(mediaType: string, bytes: Uint8Array): ImageDocument {
  return { descriptor: { mediaType, digest: sha256(bytes), size: bytes.length }, bytes };
}

/** The image's configuration as it is in the store, but for diffIDs that are others in this output. */
async function configBytes(
  image: StoredImage,
  diffIds: readonly DiffId[],
  { blobs }: Pick<ExportPorts, 'blobs'>,
): Promise<Uint8Array> {
  const bytes = await blobs.readBytes(image.id);
  if (image.layers.every((layer, index) => layer.diffId === diffIds[index])) return bytes;
  const config = JSON.parse(Buffer.from(bytes).toString('utf8')) as ImageConfig;
  return jsonBytes({ ...config, rootfs: { ...config.rootfs, diff_ids: diffIds } });
}

/** Several platforms under one index, in the order given. */
export function layoutIndex(
  images: readonly LayoutImage[],
  { ociMediaTypes = true }: MediaTypes,
): LayoutImage {
  const mediaType = ociMediaTypes ? MEDIA.ociIndex : MEDIA.dockerIndex;
  const lines = images.map((image) => image.descriptor);
  const { descriptor, bytes } = indexDocument(lines, { mediaType });
  return {
    members: [...images.flatMap(({ members }) => members), bytesBlob(bytes).member],
    descriptor,
  };
}

/** An index over manifests, in the order given, of OCI unless `more` says Docker's media type. */
export function indexDocument(
  manifests: readonly Descriptor[],
  more: Omit<Partial<Index>, 'schemaVersion' | 'manifests'> = {},
): ImageDocument {
  const { mediaType = MEDIA.ociIndex, ...others } = more;
  const index: Index = { schemaVersion: 2, mediaType, manifests, ...others };
  return documentOf(mediaType, jsonBytes(index));
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

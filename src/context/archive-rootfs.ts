import {
  type Compression,
  canonicalJson,
  type DiffId,
  type ImageConfig,
  type Platform,
} from '../oci/index.ts';
import type { BlobStore, LayerStore, StoredImage } from '../solve/index.ts';
import type { Layer } from '../tree/index.ts';

export type RootfsImport = {
  readonly platform: Platform;
  /** How the tar is compressed; default not at all. */
  readonly compression?: Compression;
  /** ISO 8601; written to the configuration and its history. */
  readonly created?: string;
  /** The `created_by` of the layer in the history. */
  readonly createdBy: string;
  /** Digest and size of a layer's canonical tar: `measureLayer`. What the image is made of, not the tar that came. */
  readonly measure: (layer: Layer) => Promise<{ readonly diffId: DiffId; readonly size: number }>;
  readonly ports: { readonly blobs: BlobStore; readonly layers: LayerStore };
  readonly signal?: AbortSignal;
};

/**
 * Makes a plain root filesystem tar an image with one layer and a configuration that says nothing but the platform and
 * a `PATH`. Equal filesystems give equal images, whatever the order of the tar's members.
 */
export async function importRootfsTar(
  source: AsyncIterable<Uint8Array>,
  rootfs: RootfsImport,
): Promise<StoredImage> {
  const { platform, ports, signal } = rootfs;
  const { layer } = await ports.layers.ingestTar(source, {
    compression: rootfs.compression ?? 'uncompressed',
    ...(signal === undefined ? {} : { signal }),
  });
  const { diffId, size } = await rootfs.measure(layer);
  const config = canonicalJson(rootfsConfig(rootfs, diffId));
  const { digest } = await ports.blobs.putBytes(Buffer.from(config, 'utf8'));
  return { id: digest, platform, layers: [{ layer: layer.id, diffId, size }] };
}

function rootfsConfig({ platform, created, createdBy }: RootfsImport, diffId: DiffId): ImageConfig {
  const time = created === undefined ? {} : { created };
  return {
    ...time,
    ...platform,
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ ...time, created_by: createdBy }],
  };
}

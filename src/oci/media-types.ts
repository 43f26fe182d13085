import type { Descriptor } from './types.ts';

/** Media types of OCI image-spec v1.1.1 (media-types.md) and of Docker's schema 2. */
export const MEDIA = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const;

export type Compression = 'gzip' | 'zstd' | 'uncompressed';

/** What the descriptor of a layer says for those who fetch its files one by one. */
export const LAZY_ANNOTATIONS = {
  /** stargz-snapshotter, docs/estargz.md: digest of the table of contents. */
  estargzToc: 'containerd.io/snapshot/stargz/toc.digest',
  /** containers/storage, and what BuildKit writes with it: bytes of the uncompressed tar. */
  estargzSize: 'io.containers.estargz.uncompressed-size',
} as const;
/** containers/storage: the like for zstd:chunked. */
const ZSTD_CHUNKED = 'io.github.containers.zstd-chunked.';

/** The annotations that belong to a layer's very bytes, so that they go where its blob goes; `{}` when there are none. */
export function lazyAnnotations({ annotations = {} }: Descriptor): Pick<Descriptor, 'annotations'> {
  const known: readonly string[] = Object.values(LAZY_ANNOTATIONS);
  const kept = Object.entries(annotations).filter(
    ([name]) => known.includes(name) || name.startsWith(ZSTD_CHUNKED),
  );
  return kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) };
}

/** How a layer of this media type is compressed; `undefined` when it is no layer that we can read. */
export function layerCompression(mediaType: string): Compression | undefined {
  switch (mediaType) {
    case MEDIA.ociLayer:
    case MEDIA.dockerLayer:
      return 'uncompressed';
    case MEDIA.ociLayerGzip:
    case MEDIA.dockerLayerGzip:
      return 'gzip';
    case MEDIA.ociLayerZstd:
      return 'zstd';
    default:
      return undefined;
  }
}

/**
 * The same layer under the name that Docker's schema 2 has for it, without annotations, which that does not know;
 * `undefined` for what it has no name for, such as zstd.
 */
export function asDockerLayer({ mediaType, digest, size }: Descriptor): Descriptor | undefined {
  const compression = layerCompression(mediaType);
  if (compression === 'gzip') return { mediaType: MEDIA.dockerLayerGzip, digest, size };
  return compression === 'uncompressed' ? { mediaType: MEDIA.dockerLayer, digest, size } : undefined;
}

export const isIndexType = (mediaType: string): boolean =>
  mediaType === MEDIA.ociIndex || mediaType === MEDIA.dockerIndex;
export const isManifestType = (mediaType: string): boolean =>
  mediaType === MEDIA.ociManifest || mediaType === MEDIA.dockerManifest;

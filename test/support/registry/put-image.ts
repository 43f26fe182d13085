import { gzipSync, zstdCompressSync } from 'node:zlib';
import {
  type Compression,
  type Descriptor,
  type Digest,
  MEDIA,
  type Platform,
  sha256,
} from '../../../src/oci/index.ts';
import { AMD64 } from '../make-image.ts';
import type { Storage } from './storage.ts';

export type PutImage = {
  /** Uncompressed layers, the base first. */
  readonly tars: readonly Buffer[];
  readonly tag?: string;
  readonly platform?: Platform;
  readonly compression?: Compression;
  /** Docker's schema 2 instead of OCI. */
  readonly docker?: boolean;
  readonly config?: object;
  /** Instead of the usual media type of layers. */
  readonly layerType?: string;
};

const PACK = { gzip: gzipSync, zstd: zstdCompressSync, uncompressed: (tar: Buffer): Buffer => tar };
const OCI = { gzip: MEDIA.ociLayerGzip, zstd: MEDIA.ociLayerZstd, uncompressed: MEDIA.ociLayer };

export type PutResult = {
  readonly manifest: Descriptor;
  readonly config: Digest;
  readonly layers: readonly Descriptor[];
};

/** Puts an image into a repository, past the protocol. */
export async function putImage(storage: Storage, name: string, image: PutImage): Promise<PutResult> {
  const { tars, platform = AMD64, compression = 'gzip', docker = false } = image;
  const layers: Descriptor[] = [];
  for (const tar of tars) {
    const bytes = PACK[compression](tar);
    const mediaType = image.layerType ?? (docker ? MEDIA.dockerLayerGzip : OCI[compression]);
    layers.push({ mediaType, digest: (await storage.addBlob(name, bytes)) as Digest, size: bytes.length });
  }
  const config = Buffer.from(
    JSON.stringify({
      ...platform,
      config: image.config ?? { Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: tars.map((tar) => sha256(tar)) },
    }),
  );
  const mediaType = docker ? MEDIA.dockerManifest : MEDIA.ociManifest;
  const configDigest = (await storage.addBlob(name, config)) as Digest;
  const document = {
    schemaVersion: 2,
    mediaType,
    config: {
      mediaType: docker ? MEDIA.dockerConfig : MEDIA.ociConfig,
      digest: configDigest,
      size: config.length,
    },
    layers,
  };
  const manifest = putDocument(storage, name, { document, mediaType, tag: image.tag });
  return { manifest: { ...manifest, platform }, config: configDigest, layers };
}

/** An index over manifests that are there already. */
export function putIndex(
  storage: Storage,
  name: string,
  { manifests, tag }: { readonly manifests: readonly Descriptor[]; readonly tag: string },
): Descriptor {
  const mediaType = MEDIA.ociIndex;
  return putDocument(storage, name, {
    document: { schemaVersion: 2, mediaType, manifests },
    mediaType,
    tag,
  });
}

function putDocument(
  storage: Storage,
  name: string,
  more: { readonly document: object; readonly mediaType: string; readonly tag: string | undefined },
): Descriptor {
  const bytes = Buffer.from(JSON.stringify(more.document));
  const digest = sha256(bytes);
  const repository = storage.repository(name);
  repository.manifests.set(digest, { bytes, mediaType: more.mediaType });
  if (more.tag !== undefined) repository.tags.set(more.tag, digest);
  return { mediaType: more.mediaType, digest, size: bytes.length };
}

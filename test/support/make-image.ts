import { gzipSync } from 'node:zlib';
import {
  type Descriptor,
  type DiffId,
  hexOf,
  type ImageConfig,
  MEDIA,
  type Platform,
  sha256,
} from '../../src/oci/index.ts';
import { type MadeMember, makeTar } from './make-tar.ts';

export const AMD64: Platform = { os: 'linux', architecture: 'amd64' };
export const ARM64: Platform = { os: 'linux', architecture: 'arm64' };
/** A layer of one small file, and one of a large file. */
export const TAR: Buffer = makeTar([{ path: 'etc/motd', data: 'hello' }]);
export const BIG: Buffer = makeTar([{ path: 'big', data: 'x'.repeat(3_000_000) }]);
export const DIFF: DiffId = sha256<DiffId>(TAR);

/** A blob as a member of a layout. */
export type Blob = { readonly member: MadeMember; readonly descriptor: Descriptor };
export function blob(mediaType: string, data: object | Uint8Array, extra: Partial<Descriptor> = {}): Blob {
  const bytes = data instanceof Uint8Array ? data : Buffer.from(JSON.stringify(data));
  const digest = sha256(bytes);
  return {
    member: { path: `blobs/sha256/${hexOf(digest)}`, data: bytes },
    descriptor: { mediaType, digest, size: bytes.length, ...extra },
  };
}

export const configOf = (platform: Platform, diffIds: readonly DiffId[]): ImageConfig => ({
  ...platform,
  config: { Cmd: ['/bin/sh'] },
  rootfs: { type: 'layers', diff_ids: diffIds },
});

/** Manifest, configuration and one layer. */
export function image(
  platform: Platform = AMD64,
  layer: Blob = blob(MEDIA.ociLayerGzip, gzipSync(TAR)),
): readonly Blob[] {
  const config = blob(MEDIA.ociConfig, configOf(platform, [DIFF]));
  const layers = [layer.descriptor];
  const manifest = { schemaVersion: 2, mediaType: MEDIA.ociManifest, config: config.descriptor, layers };
  return [blob(MEDIA.ociManifest, manifest, { platform }), config, layer];
}

export const named = (descriptor: Descriptor, name: string, tag: string): Descriptor => ({
  ...descriptor,
  annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag },
});

/** The files of a layout with these lines in its index. */
export function layout(blobs: readonly Blob[], manifests: readonly object[]): MadeMember[] {
  return [
    ...blobs.map(({ member }) => member),
    { path: 'index.json', data: JSON.stringify({ schemaVersion: 2, manifests }) },
    { path: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
  ];
}

/** The descriptor of the first blob: of an image, its manifest. */
export const first = (blobs: readonly Blob[]): Descriptor => (blobs[0] as Blob).descriptor;

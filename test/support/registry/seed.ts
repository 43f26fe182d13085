import {
  canonicalJson,
  type Descriptor,
  type DiffId,
  MEDIA,
  type Platform,
  parseDigest,
  sha256,
} from '../../../src/oci/index.ts';
import { makeTar } from '../make-tar.ts';
import type { TestRegistry } from './test-registry.ts';

export type Seeded = { readonly manifest: Descriptor; readonly layer: Descriptor };
const LINUX: Platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };

/**
 * Puts an image with one uncompressed layer, which has one file, into a registry past the protocol. `name` is
 * `repository:tag`.
 */
export async function seedImage(
  { storage }: TestRegistry,
  name: string,
  file: { readonly path: string; readonly data: Uint8Array | string },
): Promise<Seeded> {
  const [repository = '', tag = ''] = name.split(':');
  const tar = makeTar([file]);
  const add = async (mediaType: string, bytes: Uint8Array): Promise<Descriptor> => {
    const digest = parseDigest(await storage.addBlob(repository, bytes));
    return { mediaType, digest, size: bytes.length };
  };
  const layer = await add(MEDIA.ociLayer, tar);
  const config = {
    ...LINUX,
    config: {},
    rootfs: { type: 'layers', diff_ids: [parseDigest<DiffId>(layer.digest)] },
  };
  const bytes = Buffer.from(
    canonicalJson({
      schemaVersion: 2,
      mediaType: MEDIA.ociManifest,
      config: await add(MEDIA.ociConfig, Buffer.from(canonicalJson(config))),
      layers: [layer],
    }),
  );
  const digest = sha256(bytes);
  const { manifests, tags } = storage.repository(repository);
  manifests.set(digest, { bytes, mediaType: MEDIA.ociManifest });
  tags.set(tag, digest);
  return { manifest: { mediaType: MEDIA.ociManifest, digest, size: bytes.length }, layer };
}

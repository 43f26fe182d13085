import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ContainerConfig, MEDIA, type Platform, sha256 } from '../../../src/oci/index.ts';
import { AMD64, ARM64, type Blob, blob, first, layout, named } from '../make-image.ts';
import { makeTar } from '../make-tar.ts';
import { tarOf } from './bytes.ts';
import { parseLines } from './lines.ts';

/** `bases/NAME.json`: what an image `NAME:latest` is made of. */
type BaseImage = {
  /** Listings beside it, one layer each. */
  readonly layers: readonly string[];
  readonly config: ContainerConfig;
  /** One image per platform, with `platform.txt` added to the last layer's files; default: this machine's alone. */
  readonly platforms?: readonly ('amd64' | 'arm64')[];
};

const HERE: Platform = process.arch === 'arm64' ? ARM64 : AMD64;

/** Makes an OCI archive with all base images of the corpus, to be loaded into a store. Returns its path. */
export async function writeBases(folder: string, directory: string): Promise<string> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const blobs: Blob[] = [];
  const manifests: object[] = [];
  for (const name of names) {
    const base = JSON.parse(readFileSync(join(folder, name), 'utf8')) as BaseImage;
    const tag = name.replace('.json', '');
    const platforms = base.platforms?.map((arch) => (arch === 'arm64' ? ARM64 : AMD64)) ?? [HERE];
    const images = platforms.map((platform) => imageBlobs(base, platform, folder));
    blobs.push(...images.flat());
    const reference = `docker.io/library/${tag}:latest`;
    if (images.length === 1) manifests.push(named(first(images[0] ?? []), reference, 'latest'));
    else {
      const index = blob(MEDIA.ociIndex, {
        schemaVersion: 2,
        mediaType: MEDIA.ociIndex,
        manifests: images.map((image) => first(image)),
      });
      blobs.push(index);
      manifests.push(named(index.descriptor, reference, 'latest'));
    }
  }
  const unique = [...new Map(blobs.map((one) => [one.descriptor.digest, one])).values()];
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'bases.tar');
  await writeFile(path, makeTar(layout(unique, manifests)));
  return path;
}

/** Manifest, configuration and layers of one image. */
function imageBlobs({ layers, config, platforms }: BaseImage, platform: Platform, folder: string): Blob[] {
  const mark = `file 0644 /platform.txt "linux/${platform.architecture}"`;
  const tars = layers.map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return tarOf(parseLines(platforms === undefined ? text : `${text}\n${mark}`), folder);
  });
  const packed = tars.map((tar) => blob(MEDIA.ociLayerGzip, gzipSync(tar, { level: 1 })));
  const configuration = blob(MEDIA.ociConfig, {
    ...platform,
    config,
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => sha256(tar)) },
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: configuration.descriptor,
    layers: packed.map(({ descriptor }) => descriptor),
  };
  return [blob(MEDIA.ociManifest, manifest, { platform }), configuration, ...packed];
}

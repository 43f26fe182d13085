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

function readBases(folder: string): { readonly name: string; readonly base: BaseImage }[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'));
  return files.map((file) => ({
    name: file.replace('.json', ''),
    base: JSON.parse(readFileSync(join(folder, file), 'utf8')) as BaseImage,
  }));
}

/** Makes an OCI archive with all base images of the corpus, to be loaded into a store. Returns its path. */
export async function writeBases(folder: string, directory: string): Promise<string> {
  const blobs: Blob[] = [];
  const manifests: object[] = [];
  for (const { name, base } of readBases(folder)) {
    const platforms = base.platforms?.map((arch) => (arch === 'arm64' ? ARM64 : AMD64)) ?? [HERE];
    const images = platforms.map((platform) => imageBlobs(base, platform, folder));
    blobs.push(...images.flat());
    const [image = []] = images.length === 1 ? images : [[indexOf(images)]];
    blobs.push(...image);
    manifests.push(named(first(image), `docker.io/library/${name}:latest`, 'latest'));
  }
  const unique = [...new Map(blobs.map((one) => [one.descriptor.digest, one])).values()];
  await mkdir(directory, { recursive: true });
  const path = join(directory, 'bases.tar');
  await writeFile(path, makeTar(layout(unique, manifests)));
  return path;
}

/** Makes a Docker archive of each base image for one platform, tagged `localhost/NAME`. Returns their paths. */
export async function writeDockerArchives(folder: string, directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const bases = readBases(folder).filter(({ base }) => base.platforms === undefined);
  return Promise.all(
    bases.map(async ({ name, base }) => {
      const { tars, configuration } = contentsOf(base, HERE, folder);
      const Layers = tars.map((_, i) => `layer-${i}.tar`);
      const manifest = [{ Config: 'config.json', RepoTags: [`localhost/${name}:latest`], Layers }];
      const members = [
        { path: 'config.json', data: JSON.stringify(configuration) },
        ...tars.map((data, i) => ({ path: `layer-${i}.tar`, data })),
        { path: 'manifest.json', data: JSON.stringify(manifest) },
      ];
      const path = join(directory, `${name}.tar`);
      await writeFile(path, makeTar(members));
      return path;
    }),
  );
}

const indexOf = (images: readonly (readonly Blob[])[]): Blob =>
  blob(MEDIA.ociIndex, { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests: images.map(first) });

function contentsOf(
  { layers, config, platforms }: BaseImage,
  platform: Platform,
  folder: string,
): { readonly tars: readonly Buffer[]; readonly configuration: object } {
  const mark = `file 0644 /platform.txt "linux/${platform.architecture}"`;
  const tars = layers.map((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return tarOf(parseLines(platforms === undefined ? text : `${text}\n${mark}`), folder);
  });
  const rootfs = { type: 'layers', diff_ids: tars.map((tar) => sha256(tar)) };
  // Some tools insist on a line per layer
  const history = layers.map((name) => ({ created_by: name }));
  return { tars, configuration: { ...platform, config, rootfs, history } };
}

/** Manifest, configuration and layers of one image. */
function imageBlobs(base: BaseImage, platform: Platform, folder: string): Blob[] {
  const { tars, configuration } = contentsOf(base, platform, folder);
  const packed = tars.map((tar) => blob(MEDIA.ociLayerGzip, gzipSync(tar, { level: 1 })));
  const config = blob(MEDIA.ociConfig, configuration);
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: config.descriptor,
    layers: packed.map(({ descriptor }) => descriptor),
  };
  return [blob(MEDIA.ociManifest, manifest, { platform }), config, ...packed];
}

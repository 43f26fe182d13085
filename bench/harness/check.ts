import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { assert, fresh, sh, WORK } from './shell.ts';
import { buildah, lapidary } from './tools.ts';

type Descriptor = { readonly mediaType: string; readonly digest: string };
type Manifest = { readonly layers: readonly Descriptor[] };

/** What is in the layers of an image under `data/`, each file counted as often as layers have it. */
export type Contents = {
  readonly files: number;
  readonly bytes: number;
  readonly layers: number;
  /** Of the layers, without `application/vnd.oci.image.layer.v1.`. */
  readonly mediaTypes: readonly string[];
};

/** Reads an OCI archive or layout with GNU tar, which also proves that what is compressed is whole. */
export function contentsOf(path: string): Contents {
  const layers = layersOf(path);
  let files = 0;
  let bytes = 0;
  for (const { file } of layers) {
    const listed = sh(['tar', '--list', '--verbose', '--numeric-owner', '-f', file, ...auto(file)]);
    for (const line of listed.stdout.split('\n')) {
      const match = /^-\S+\s+\S+\s+(\d+)\s+\S+\s+\S+\s+(?:\.?\/)?data\//.exec(line);
      if (match === null) continue;
      files++;
      bytes += Number(match[1]);
    }
  }
  const mediaTypes = layers.map(({ mediaType }) =>
    mediaType.replace('application/vnd.oci.image.layer.v1.', ''),
  );
  return { files, bytes, layers: layers.length, mediaTypes };
}

/** The layers of an image put on top of each other are, under `data/`, what the directory is. */
export function assertSameTree(path: string, data: string): void {
  const root = fresh(join(WORK, 'check-root'));
  for (const { file } of layersOf(path)) sh(['tar', '-xf', file, ...auto(file), '-C', root]);
  sh(['diff', '--recursive', '--no-dereference', '--brief', join(root, 'data'), data]);
  fresh(root);
}

/** Files and bytes of a directory on disk. */
export function contentsOnDisk(directory: string): { readonly files: number; readonly bytes: number } {
  const sizes = sh(['find', directory, '-type', 'f', '-printf', '%s\n']).stdout.trim().split('\n');
  return { files: sizes.length, bytes: sizes.reduce((sum, size) => sum + Number(size), 0) };
}

export function assertSame(actual: object, expected: object, what: string): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  assert(a === e, () => `${what}: expected ${e}, got ${a}`);
}

/** Path of an uncompressed OCI archive of an image in a store of lapidary. */
export function savedByLapidary(store: string, name: string): string {
  const path = join(fresh(join(WORK, 'check-saved')), 'image.tar');
  sh(lapidary(store, 'save', '--format', 'oci', '-o', path, name));
  return path;
}

/** Path of an uncompressed OCI archive of an image in buildah's store. */
export function savedByBuildah(name: string): string {
  const path = join(fresh(join(WORK, 'check-saved')), 'image.tar');
  sh(buildah('push', '-q', '--disable-compression', name, `oci-archive:${path}`));
  return path;
}

function layersOf(path: string): readonly { readonly file: string; readonly mediaType: string }[] {
  const layout = statSync(path).isDirectory() ? path : fresh(join(WORK, 'check-layout'));
  if (layout !== path) sh(['tar', '-xf', path, '-C', layout]);
  const blob = (digest: string): string => join(layout, 'blobs', digest.replace(':', '/'));
  const index = json(join(layout, 'index.json')) as { readonly manifests: readonly Descriptor[] };
  assert(index.manifests.length === 1, () => `${path}: ${index.manifests.length} manifests`);
  const manifest = json(blob(index.manifests[0]?.digest ?? '')) as Manifest;
  return manifest.layers.map(({ digest, mediaType }) => ({ file: blob(digest), mediaType }));
}

/** GNU tar knows a compression by its first bytes, though not zstd in every version. */
function auto(file: string): readonly string[] {
  return readFileSync(file).subarray(0, 4).toString('hex') === '28b52ffd' ? ['--zstd'] : [];
}

function json(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

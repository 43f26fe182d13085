import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Tree, treeContext } from './inputs.ts';
import { cached, INPUTS, sh } from './shell.ts';

export type LayerImage = {
  /** OCI layout with one image, tag `image`: busybox in /bin, a tree of files in /data. */
  readonly layout: string;
  /** Its one layer, a tar by GNU tar with gzip. */
  readonly layer: string;
  /** The tree that the layer was made from. */
  readonly data: string;
};

/** An image made without any of the tools that are compared. */
export function layerImage(tree: Tree): LayerImage {
  const context = treeContext(tree);
  const layout = cached(join(INPUTS, `layout-${tree.files}-${tree.meanBytes}`), (path) => {
    mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
    mkdirSync(join(context, 'bin'), { recursive: true });
    copyFileSync('/bin/busybox', join(context, 'bin/busybox'));
    const tar = join(path, 'layer.tar');
    const fixed = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
    sh(['tar', '-cf', tar, ...fixed, '-C', context, 'bin', 'data']);
    const diffId = `sha256:${sh(['sha256sum', tar]).stdout.slice(0, 64)}`;
    sh(['gzip', '-n', tar]);
    writeLayout(path, `${tar}.gz`, diffId);
    rmSync(join(context, 'bin'), { recursive: true });
  });
  return { layout, layer: join(layout, 'layer.tar.gz'), data: join(context, 'data') };
}

function ociType(name: string): string {
  return `application/vnd.oci.image.${name}`;
}

/** Puts a layer, configuration, manifest and index into a layout that has a `blobs/sha256`. */
export function writeLayout(path: string, layer: string, diffId: string): void {
  const blobs = join(path, 'blobs/sha256');
  const add = (value: object): { digest: string; size: number } => {
    const text = JSON.stringify(value);
    const hash = createHash('sha256').update(text).digest('hex');
    writeFileSync(join(blobs, hash), text);
    return { digest: `sha256:${hash}`, size: text.length };
  };
  const hash = sh(['sha256sum', layer]).stdout.slice(0, 64);
  const config = add({
    architecture: sh(['dpkg', '--print-architecture']).stdout.trim(),
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
  });
  const manifest = add({
    schemaVersion: 2,
    mediaType: ociType('manifest.v1+json'),
    config: { mediaType: ociType('config.v1+json'), ...config },
    layers: [
      { mediaType: ociType('layer.v1.tar+gzip'), digest: `sha256:${hash}`, size: statSync(layer).size },
    ],
  });
  const annotations = { 'org.opencontainers.image.ref.name': 'image' };
  const manifests = [{ mediaType: ociType('manifest.v1+json'), ...manifest, annotations }];
  writeFileSync(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
  writeFileSync(join(path, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  renameSync(layer, join(blobs, hash));
  sh(['ln', '-s', join(blobs, hash), layer]);
}

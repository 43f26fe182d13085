import { createCipheriv } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { writeLayout } from './layer-image.ts';
import { cached, INPUTS, sh } from './shell.ts';

const PIECE = 2 ** 24;

export type NoiseImage = {
  /** OCI layout with one image, tag `image`. */
  readonly layout: string;
  /** Its one layer, a tar with gzip that is as long as the noise in it. */
  readonly layer: string;
};

/** An image whose layer is as large when it is compressed as when it is not. */
export function noiseImage(gib: number): NoiseImage {
  const layout = cached(join(INPUTS, `noise-${gib}`), (path) => {
    mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
    writeNoise(join(path, 'noise'), gib);
    const tar = join(path, 'layer.tar');
    const fixed = ['--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
    sh(['tar', '-cf', tar, ...fixed, '-C', path, 'noise']);
    rmSync(join(path, 'noise'));
    const diffId = `sha256:${sh(['sha256sum', tar]).stdout.slice(0, 64)}`;
    sh(['gzip', '-n', '-1', tar]);
    writeLayout(path, `${tar}.gz`, diffId);
  });
  return { layout, layer: join(layout, 'layer.tar.gz') };
}

/** The same noise on every machine. */
function writeNoise(path: string, gib: number): void {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16, 2));
  const zeros = Buffer.alloc(PIECE);
  const descriptor = openSync(path, 'w');
  for (let piece = 0; piece < (gib * 2 ** 30) / PIECE; piece++) writeSync(descriptor, cipher.update(zeros));
  closeSync(descriptor);
}

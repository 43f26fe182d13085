import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type ImageOutput, measureLayer, packLayer } from '../../src/export/index.ts';
import {
  canonicalJson,
  type Descriptor,
  type Index,
  type Manifest,
  MEDIA,
  type Platform,
} from '../../src/oci/index.ts';
import type { LocalLayer, StoredImage, StoredLayer } from '../../src/solve/index.ts';
import { TarReader } from '../../src/tar/index.ts';
import type { Entry } from '../../src/tree/index.ts';
import type { MemoryStore } from './memory-store.ts';

const METADATA = { mode: 0o644, uid: 0, gid: 0, mtime: 1_600_000_000, mtimeNs: 0 } as const;
export const file = (path: string, text: string): Entry => {
  const content = { kind: 'bytes', bytes: Buffer.from(text) } as const;
  return { kind: 'node', path, node: { type: 'file', ...METADATA, size: content.bytes.length, content } };
};
export const LINUX: Platform = { os: 'linux', architecture: 'amd64' };
export const NAME: string = 'docker.io/library/app:1';

/** A layer as a build makes it. */
export async function builtLayer(store: MemoryStore, ...entries: readonly Entry[]): Promise<LocalLayer> {
  const layer = await store.layers.write(entries);
  return { layer: layer.id, ...(await measureLayer(layer, store.layers)) };
}

/** A layer that came as a blob which nobody would make anew: other level, other header. */
export async function pulledLayer(store: MemoryStore, ...entries: readonly Entry[]): Promise<LocalLayer> {
  const stored = await builtLayer(store, ...entries);
  const { entries: packed } = await store.layers.read(stored.layer);
  const tar = await buffer(packLayer(packed, store.layers));
  const blob = await store.blobs.putBytes(gzipSync(tar, { level: 1 }));
  return { ...stored, blob: { mediaType: MEDIA.dockerLayerGzip, ...blob } };
}

/** An image of these layers; its configuration is in the store. */
export async function imageOf(
  store: MemoryStore,
  layers: readonly StoredLayer[],
  platform: Platform = LINUX,
): Promise<StoredImage> {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
  const { digest } = await store.blobs.putBytes(
    Buffer.from(canonicalJson({ ...platform, config: {}, rootfs })),
  );
  return { id: digest, platform, layers };
}

export const archive = (dest: string, extra: object = {}): ImageOutput => ({
  type: 'oci',
  dest,
  tar: true,
  ...extra,
});

export function membersOf(tar: Uint8Array): Map<string, Buffer> {
  const members = new Map<string, Buffer>();
  let name = '';
  const reader = new TarReader({
    onMember: ({ path }) => {
      name = path;
      members.set(name, Buffer.alloc(0));
    },
    onData: (piece) => members.set(name, Buffer.concat([members.get(name) ?? Buffer.alloc(0), piece])),
    onMemberEnd: () => undefined,
  });
  reader.push(tar);
  reader.end();
  return members;
}

export const json = (members: Map<string, Buffer>, name: string): unknown =>
  JSON.parse(String(members.get(name)));
export const indexOf = (members: Map<string, Buffer>, name = 'index.json'): Index =>
  json(members, name) as Index;
export const manifestOf = (members: Map<string, Buffer>, name: string): Manifest =>
  json(members, name) as Manifest;
export const blobOf = ({ digest }: Descriptor): string => `blobs/sha256/${digest.slice(7)}`;

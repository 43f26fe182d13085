import {
  compressionLevel,
  type Descriptor,
  type DiffId,
  type Digest,
  isDigest,
  LAZY_ANNOTATIONS,
  MEDIA,
} from '../oci/index.ts';
import type { StoredLayer } from '../solve/index.ts';
import { type EstargzFacts, estargz } from './estargz.ts';
import type { LayerBlob } from './layer-blob.ts';
import { localLayer } from './layer-tar.ts';
import { packMembers } from './pack-members.ts';
import type { ExportPorts } from './types.ts';

/** Says that the same layer and level now come to other bytes. */
const VERSION = 1;

export type EstargzOptions = { readonly level: number | undefined; readonly signal: AbortSignal | undefined };
type Known = EstargzFacts & { readonly digest: Digest; readonly blobSize: number };

/**
 * A stored layer as an eStargz, in the store when this returns: the one it was made before, else made now from its
 * entries.
 * @throws LapidaryError STORE_CORRUPT; UNSUPPORTED for a name that is not UTF-8, or a hard link to a layer below;
 * USAGE for an impossible level
 */
export async function estargzBlob(
  stored: StoredLayer,
  ports: ExportPorts,
  options: EstargzOptions,
): Promise<LayerBlob> {
  const { layer } = localLayer(stored);
  const level = compressionLevel('estargz', options.level) ?? 0;
  const key = `estargz-blob:${VERSION}:${layer}:${level}`;
  const known = await remembered(key, ports);
  if (known !== undefined) return asBlob(known);
  const { entries } = await ports.layers.read(layer);
  let facts: EstargzFacts | undefined;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    facts = yield* estargz(packMembers(entries, ports.layers), level);
  }
  const { signal } = options;
  const { digest, size } = await ports.blobs.putStream(bytes(), signal === undefined ? {} : { signal });
  if (facts === undefined) throw new Error('the blob store did not read to the end');
  const made = { ...facts, digest, blobSize: size };
  await ports.facts.put(key, [digest, size, facts.diffId, facts.size, facts.tocDigest].join(' '));
  return asBlob(made);
}

async function remembered(key: string, { facts, blobs }: ExportPorts): Promise<Known | undefined> {
  const [digest = '', blobSize, diffId = '', size, tocDigest = ''] = (await facts.get(key))?.split(' ') ?? [];
  if (!isDigest(digest) || !isDigest(diffId) || !isDigest(tocDigest) || !(await blobs.has(digest)))
    return undefined;
  const sizes = { blobSize: Number(blobSize), size: Number(size) };
  if (!Object.values(sizes).every((one) => Number.isSafeInteger(one) && one > 0)) return undefined;
  return { digest, diffId: diffId as string as DiffId, tocDigest, ...sizes };
}

function asBlob({ digest, blobSize, diffId, size, tocDigest }: Known): LayerBlob {
  const annotations = {
    [LAZY_ANNOTATIONS.estargzToc]: tocDigest,
    [LAZY_ANNOTATIONS.estargzSize]: String(size),
  };
  const descriptor: Descriptor = { mediaType: MEDIA.ociLayerGzip, digest, size: blobSize, annotations };
  return { descriptor, diffId };
}

import { type DiffId, type Digest, isDigest } from '../oci/index.ts';
import type { LayerId } from '../tree/index.ts';
import type { FactStore, LayerStore, StoredLayer } from './ports/index.ts';

/** What is known of a tar that was read or written before: the layer it is, and its size in bytes. */
export type LayerRecord = { readonly layer: LayerId; readonly size: number };

const keyOf = (diffId: DiffId): string => `layer-of:${diffId}`;

/** The layer that a tar is, whichever image brought it; `undefined` when the store does not have it. */
export async function readLayerRecord(
  facts: FactStore,
  layers: LayerStore,
  diffId: DiffId,
): Promise<LayerRecord | undefined> {
  const [layer = '', sizeText = ''] = (await facts.get(keyOf(diffId)))?.split(' ') ?? [];
  const size = Number(sizeText || Number.NaN);
  if (!isDigest(layer) || !Number.isSafeInteger(size)) return undefined;
  const id = layer as string as LayerId;
  return (await layers.has(id)) ? { layer: id, size } : undefined;
}

export async function writeLayerRecord(
  facts: FactStore,
  diffId: DiffId,
  { layer, size }: LayerRecord,
): Promise<void> {
  await facts.put(keyOf(diffId), `${layer} ${size}`);
}

/** Fact: the diffID that a compressed blob was found to have; never taken from a configuration on trust. */
const diffOfKey = (blob: Digest): string => `diff-of:${blob}`;

export async function readBlobDiffId(facts: FactStore, blob: Digest): Promise<string | undefined> {
  return facts.get(diffOfKey(blob));
}

/** Call when the blob was read and its tar had this diffID. */
export async function writeBlobDiffId(facts: FactStore, blob: Digest, diffId: DiffId): Promise<void> {
  await facts.put(diffOfKey(blob), diffId);
}

/** The same layer as the store has it, when it has it by now. */
export async function asLocal(
  stored: StoredLayer,
  { facts, layers }: { readonly facts: FactStore; readonly layers: LayerStore },
): Promise<StoredLayer> {
  if (stored.layer !== undefined) return stored;
  const record = await readLayerRecord(facts, layers, stored.diffId);
  return record ? { ...record, diffId: stored.diffId, blob: stored.blob } : stored;
}

/** Bytes of a layer's tar; of one that was never unpacked only the size of its blob is known. */
export function layerSize(layer: StoredLayer): number {
  return layer.layer === undefined ? layer.blob.size : layer.size;
}

import { LapidaryError } from '../errors/index.ts';
import { type Compression, type Descriptor, type DiffId, isDigest, layerCompression } from '../oci/index.ts';
import type { StoredLayer } from '../solve/index.ts';
import { compressLayer, LAYER_TYPES } from './compress-layer.ts';
import type { ExportPorts } from './types.ts';

/** Key of the fact that names the blob a layer's canonical tar was compressed to. Its value: `digest size`. */
export const layerBlobKey = (diffId: DiffId, compression: Compression): string =>
  `layer-blob:${diffId}:${compression}`;

export type LayerBlobOptions = {
  readonly compression: Compression;
  readonly signal: AbortSignal | undefined;
};

/**
 * The blob of a stored layer, in the store when this returns: the one it came as (its bytes unchanged, whatever
 * `compression` says), else the one it was compressed to before, else compressed now.
 * @throws LapidaryError STORE_CORRUPT when the layer no longer packs to its diffID
 */
export async function layerBlob(
  stored: StoredLayer,
  ports: ExportPorts,
  options: LayerBlobOptions,
): Promise<Descriptor> {
  if (stored.blob !== undefined) return asOci(stored.blob);
  const { compression, signal } = options;
  const key = layerBlobKey(stored.diffId, compression);
  const known = await remembered(key, compression, ports);
  if (known !== undefined) return known;
  const layer = await ports.layers.read(stored.layer);
  const made = await compressLayer(layer, { reader: ports.layers, blobs: ports.blobs, compression, signal });
  if (made.diffId !== stored.diffId) throw differs(stored, made.diffId);
  await ports.facts.put(key, `${made.descriptor.digest} ${made.descriptor.size}`);
  return made.descriptor;
}

async function remembered(
  key: string,
  compression: Compression,
  { facts, blobs }: ExportPorts,
): Promise<Descriptor | undefined> {
  const [digest = '', sizeText = ''] = (await facts.get(key))?.split(' ') ?? [];
  const size = Number(sizeText);
  if (!isDigest(digest) || !Number.isSafeInteger(size) || size <= 0) return undefined;
  if (!(await blobs.has(digest))) return undefined;
  return { mediaType: LAYER_TYPES[compression], digest, size };
}

/** Docker's names for layers say the same as OCI's. */
function asOci({ mediaType, digest, size }: Descriptor): Descriptor {
  const compression = layerCompression(mediaType);
  if (compression !== undefined) return { mediaType: LAYER_TYPES[compression], digest, size };
  throw new LapidaryError('UNSUPPORTED', `layer ${digest} has the unknown media type "${mediaType}"`);
}

function differs(stored: StoredLayer, packed: DiffId): LapidaryError {
  return new LapidaryError(
    'STORE_CORRUPT',
    `layer ${stored.layer} packs to ${packed}, but its image says ${stored.diffId}`,
    { hint: 'build again with --no-cache, or remove the store' },
  );
}

import { LapidaryError } from '../errors/index.ts';
import {
  type Compression,
  compressionLevel,
  type Descriptor,
  type DiffId,
  isDigest,
  layerCompression,
  type OutputCompression,
} from '../oci/index.ts';
import type { FactStore, StoredLayer } from '../solve/index.ts';
import { compressLayer, LAYER_TYPES } from './compress-layer.ts';
import { estargzBlob } from './estargz-blob.ts';
import { layerTar } from './layer-tar.ts';
import type { ExportPorts } from './types.ts';

/** Says that the same tar and level now come to other bytes. */
const VERSION = 3;

export type LayerBlobOptions = {
  readonly compression: OutputCompression;
  /** Default: see `compressionLevel`. */
  readonly level?: number | undefined;
  /** Compress anew what came as a blob, too; default false. */
  readonly force?: boolean | undefined;
  readonly signal: AbortSignal | undefined;
};

/** A layer's blob in the store, and the diffID that an image with it must name: an eStargz has one of its own. */
export type LayerBlob = { readonly descriptor: Descriptor; readonly diffId: DiffId };

/** Key of the fact that names the blob a layer's tar was compressed to. Its value: `digest size`. */
export function layerBlobKey(diffId: DiffId, { compression, level }: LayerBlobOptions): string {
  const exact = compressionLevel(compression, level);
  return `layer-blob:${VERSION}:${diffId}:${compression}${exact === undefined ? '' : `:${exact}`}`;
}

/** What a layer's tar was found to take as a gzip blob; `undefined` when it never became one. */
export async function knownBlobSize(
  diffId: DiffId,
  facts: Pick<FactStore, 'get'>,
): Promise<number | undefined> {
  const key = layerBlobKey(diffId, { compression: 'gzip', signal: undefined });
  const size = Number((await facts.get(key))?.split(' ')[1] ?? Number.NaN);
  return Number.isSafeInteger(size) && size > 0 ? size : undefined;
}

/**
 * The blob of a stored layer, in the store when this returns: the one it came as (its bytes unchanged, whatever
 * `compression` says, unless `force`), else the one it was compressed to before, else compressed now.
 * @throws LapidaryError STORE_CORRUPT when the layer's tar no longer has its diffID; USAGE for an impossible level
 */
export async function layerBlob(
  stored: StoredLayer,
  ports: ExportPorts,
  options: LayerBlobOptions,
): Promise<LayerBlob> {
  const { compression, level, force = false, signal } = options;
  if (stored.blob !== undefined && !force) return { descriptor: asOci(stored.blob), diffId: stored.diffId };
  if (compression === 'estargz') return estargzBlob(stored, ports, { level, signal });
  const descriptor = await compressedBlob(stored, ports, { ...options, compression });
  return { descriptor, diffId: stored.diffId };
}

async function compressedBlob(
  stored: StoredLayer,
  ports: ExportPorts,
  options: LayerBlobOptions & { readonly compression: Compression },
): Promise<Descriptor> {
  const { compression, level, signal } = options;
  const key = layerBlobKey(stored.diffId, options);
  const known = await remembered(key, compression, ports);
  if (known !== undefined) return known;
  const tar = layerTar(stored, ports);
  const made = await compressLayer(tar, { blobs: ports.blobs, compression, level, signal });
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
function asOci({ mediaType, digest, size, annotations }: Descriptor): Descriptor {
  const compression = layerCompression(mediaType);
  if (compression !== undefined) {
    const said = annotations === undefined ? {} : { annotations };
    return { mediaType: LAYER_TYPES[compression], digest, size, ...said };
  }
  throw new LapidaryError('UNSUPPORTED', `layer ${digest} has the unknown media type "${mediaType}"`);
}

function differs(stored: StoredLayer, packed: DiffId): LapidaryError {
  return new LapidaryError(
    'STORE_CORRUPT',
    `layer ${stored.layer} packs to ${packed}, but its image says ${stored.diffId}`,
    { hint: 'build again with --no-cache, or remove the store' },
  );
}

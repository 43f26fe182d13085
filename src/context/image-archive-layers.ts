import { createReadStream } from 'node:fs';
import type { Compression, Descriptor, DiffId } from '../oci/index.ts';
import {
  type BlobStore,
  type FactStore,
  type LayerStore,
  type LocalLayer,
  readBlobDiffId,
  readLayerRecord,
  writeBlobDiffId,
  writeLayerRecord,
} from '../solve/index.ts';

/** The ports that importing an image needs. */
export type ImportPorts = {
  readonly blobs: BlobStore;
  readonly layers: LayerStore;
  /** Remembers which blobs and diffIDs became which layers. */
  readonly facts: FactStore;
};

const READ_SIZE = 1024 * 1024;

export type LayerToImport = {
  /** In the blob store already. */
  readonly blob: Descriptor;
  readonly compression: Compression;
  /** What the image's configuration says of it. */
  readonly diffId: DiffId;
};

/**
 * Makes a layer blob a stored layer; reads it only when that did not happen before.
 * @throws LapidaryError TAR_INVALID, DIGEST_MISMATCH when its tar does not have the diffID
 */
export async function importLayer(
  { blob, compression, diffId }: LayerToImport,
  ports: ImportPorts,
  signal: AbortSignal | undefined,
): Promise<LocalLayer> {
  const known = await knownLayer(blob, diffId, ports);
  if (known !== undefined) return known;
  const source = createReadStream(ports.blobs.path(blob.digest), { highWaterMark: READ_SIZE });
  try {
    const { layer, size } = await ports.layers.ingestTar(source, {
      compression,
      expectDiffId: diffId,
      ...(signal === undefined ? {} : { signal }),
    });
    await writeLayerRecord(ports.facts, diffId, { layer: layer.id, size });
    await writeBlobDiffId(ports.facts, blob.digest, diffId);
    return { layer: layer.id, diffId, size, blob };
  } finally {
    source.destroy();
  }
}

async function knownLayer(
  blob: Descriptor,
  diffId: DiffId,
  { facts, layers }: ImportPorts,
): Promise<LocalLayer | undefined> {
  if ((await readBlobDiffId(facts, blob.digest)) !== diffId) return undefined;
  const record = await readLayerRecord(facts, layers, diffId);
  return record && { ...record, diffId, blob };
}

import { pipeline, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { LapidaryError, messageOf } from '../errors/index.ts';
import { type Descriptor, layerCompression } from '../oci/index.ts';
import type { LocalLayer, StoredLayer } from '../solve/index.ts';
import { blobName, type Member, READ_SIZE, readBlob } from './member.ts';
import { verified } from './metered.ts';
import { packLayer } from './pack-layer.ts';
import type { ExportPorts } from './types.ts';

/** A layer's uncompressed tar as a blob named by its diffID. */
export function layerTarMember(stored: StoredLayer, ports: ExportPorts): Member {
  const { diffId, size } = localLayer(stored);
  const read = (): AsyncIterable<Uint8Array> =>
    verified(layerTar(stored, ports), { what: `layer ${diffId}`, digest: diffId, size });
  return { name: blobName(diffId), size, read };
}

/** The very bytes the diffID is of: of the blob the layer came as, else packed anew. */
export async function* layerTar(stored: StoredLayer, ports: ExportPorts): AsyncGenerator<Uint8Array> {
  if (stored.blob !== undefined) yield* decompressed(stored.blob, ports);
  else yield* packLayer((await ports.layers.read(localLayer(stored).layer)).entries, ports.layers);
}

function decompressed(blob: Descriptor, { blobs }: ExportPorts): AsyncIterable<Uint8Array> {
  const source = readBlob(blob.digest, blobs);
  const compression = layerCompression(blob.mediaType);
  if (compression === 'uncompressed') return source;
  const engine =
    compression === 'zstd'
      ? createZstdDecompress({ chunkSize: READ_SIZE })
      : createGunzip({ chunkSize: READ_SIZE });
  return through(source, engine, blob);
}

async function* through(
  source: AsyncIterable<Uint8Array>,
  engine: Transform,
  blob: Descriptor,
): AsyncGenerator<Uint8Array> {
  pipeline(source, engine, () => undefined); // its errors arrive in the iteration
  try {
    for await (const chunk of engine as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    if (error instanceof LapidaryError) throw error;
    throw new LapidaryError(
      'STORE_CORRUPT',
      `blob ${blob.digest} in the local store does not decompress: ${messageOf(error)}`,
      { cause: error, hint: 'build again with --no-cache, or remove the store' },
    );
  }
}

/** Whoever exports has fetched what is to be read. */
export function localLayer(stored: StoredLayer): LocalLayer {
  if (stored.layer !== undefined) return stored;
  throw new Error(`the layer ${stored.diffId} is not in the store`);
}

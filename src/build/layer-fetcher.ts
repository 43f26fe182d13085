import { createReadStream } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import { type Compression, type Descriptor, layerCompression } from '../oci/index.ts';
import {
  type BuildEvent,
  type LayerRecord,
  type LayerSource,
  type LocalLayer,
  type RemoteLayer,
  type Runtime,
  readLayerRecord,
  Semaphore,
  type StackLayer,
  type StoredLayer,
  writeBlobDiffId,
  writeLayerRecord,
} from '../solve/index.ts';
import type { LayerId } from '../tree/index.ts';
import { type Place, placeName, readPlaces } from './blob-places.ts';
import type { LocalStore } from './local-store.ts';
import type { Registries } from './registries.ts';
import { Transfer } from './transfer.ts';

const READ_SIZE = 1024 * 1024;

export type FetcherParts = {
  readonly store: LocalStore;
  readonly registries: Registries;
  readonly emit: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
  /** Layers at the same time. */
  readonly jobs: number;
};

/**
 * Fetches layers when somebody reads them, from the repositories in which they were seen. A layer is unpacked while it
 * arrives, and its blob is kept, so that it is never compressed again.
 */
export class LayerFetcher implements LayerSource {
  readonly #parts: FetcherParts;
  readonly #places: Semaphore;
  readonly #layers = new Map<string, Promise<LocalLayer>>();
  readonly #blobs = new Map<string, Promise<void>>();

  constructor(parts: FetcherParts) {
    this.#parts = parts;
    this.#places = new Semaphore(parts.jobs);
  }

  ensure(layer: StoredLayer): Promise<LocalLayer> {
    return shared(this.#layers, layer.diffId, () => this.#ensure(layer));
  }

  async unpack(stack: readonly StackLayer[], runtime: Pick<Runtime, 'unpack'>): Promise<LayerId[]> {
    await Promise.all(stack.map((layer) => this.#prefetch(layer)));
    const below: LayerId[] = [];
    for (const layer of stack) {
      if (typeof layer === 'string') below.push(layer);
      else below.push((await this.#ensureUnpacked(layer, [...below], runtime)).layer);
    }
    return below;
  }

  async missingBytes(stack: readonly StackLayer[]): Promise<number> {
    const { blobs } = this.#parts.store;
    let bytes = 0;
    for (const layer of stack) {
      if (typeof layer === 'string' || layer.blob === undefined || this.#layers.has(layer.diffId)) continue;
      if ((await this.#known(layer)) || (await blobs.has(layer.blob.digest))) continue;
      bytes += layer.blob.size;
    }
    return bytes;
  }

  /** What is fetched at the same time is unpacked one after the other: all of it keeps every core busy. */
  async #prefetch(layer: StackLayer): Promise<void> {
    if (typeof layer === 'string' || (await this.#known(layer))) return;
    if (layer.blob !== undefined && !this.#layers.has(layer.diffId)) await this.ensureBlob(layer.blob);
  }

  #ensureUnpacked(
    stored: StoredLayer,
    below: readonly LayerId[],
    runtime: Pick<Runtime, 'unpack'>,
  ): Promise<LocalLayer> {
    const { store, signal } = this.#parts;
    return shared(this.#layers, stored.diffId, async () => {
      const known = await this.#known(stored);
      if (known) return known;
      if (stored.blob === undefined) throw gone(stored);
      const { diffId, blob } = stored;
      await this.ensureBlob(blob);
      const source = { path: store.blobs.path(blob.digest), compression: compressionOf(blob), diffId };
      const unpacked = await runtime.unpack({ blob: source, below }, { signal });
      if (unpacked === undefined) return this.#ingest({ diffId, blob }, fileBytes(source.path));
      await this.#remember({ diffId, blob }, unpacked);
      return { ...unpacked, diffId, blob };
    });
  }

  /** The blob in the store, as it is. */
  ensureBlob(blob: Descriptor): Promise<void> {
    return shared(this.#blobs, blob.digest, async () => {
      if (await this.#parts.store.blobs.has(blob.digest)) return;
      await this.#places.run(() => this.#fetch(blob, drain));
    });
  }

  /** The layer as the store has it already. */
  async #known(stored: StoredLayer): Promise<LocalLayer | undefined> {
    const { facts, layers } = this.#parts.store;
    if (stored.layer !== undefined && (await layers.has(stored.layer))) return stored;
    const record = await readLayerRecord(facts, layers, stored.diffId);
    return record && { diffId: stored.diffId, ...(stored.blob && { blob: stored.blob }), ...record };
  }

  async #ensure(stored: StoredLayer): Promise<LocalLayer> {
    const known = await this.#known(stored);
    if (known) return known;
    if (stored.blob === undefined) throw gone(stored);
    const { diffId, blob } = stored;
    return this.#places.run(() => this.#unpack({ diffId, blob }));
  }

  async #unpack(layer: RemoteLayer): Promise<LocalLayer> {
    const { blob } = layer;
    const { blobs } = this.#parts.store;
    if (await blobs.has(blob.digest)) return this.#ingest(layer, fileBytes(blobs.path(blob.digest)));
    let failure: unknown;
    try {
      return await this.#fetch(blob, (bytes) => this.#ingest(layer, bytes));
    } catch (error) {
      if (!isDamage(error)) throw error;
      failure = error;
    }
    // Damaged on the way, or never right? Its digest decides, before anything is read from it again
    await this.#drainTwice(blob);
    if (!(await blobs.has(blob.digest))) throw failure;
    return this.#ingest(layer, fileBytes(blobs.path(blob.digest)));
  }

  /** What waits on disk may be what is damaged: then it is gone after the first attempt. */
  async #drainTwice(blob: Descriptor): Promise<void> {
    try {
      await this.#fetch(blob, drain);
    } catch (error) {
      if (!isDamage(error)) throw error;
      await this.#fetch(blob, drain);
    }
  }

  async #ingest({ diffId, blob }: RemoteLayer, source: AsyncIterable<Uint8Array>): Promise<LocalLayer> {
    const { store, signal } = this.#parts;
    const compression = compressionOf(blob);
    const { layer, size } = await store.layers.ingestTar(source, {
      compression,
      expectDiffId: diffId,
      signal,
    });
    await this.#remember({ diffId, blob }, { layer: layer.id, size });
    return { layer: layer.id, diffId, size, blob };
  }

  async #remember({ diffId, blob }: RemoteLayer, record: LayerRecord): Promise<void> {
    const { facts } = this.#parts.store;
    await writeLayerRecord(facts, diffId, record);
    await writeBlobDiffId(facts, blob.digest, diffId);
  }

  /** From the first of its places that has it. */
  async #fetch<T>(blob: Descriptor, read: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    const places = await readPlaces(this.#parts.store.facts, blob.digest);
    let missing: unknown;
    for (const place of places) {
      try {
        return await this.#fetchFrom(place, blob, read);
      } catch (error) {
        if (!(error instanceof LapidaryError) || error.code !== 'REGISTRY_NOT_FOUND') throw error;
        missing ??= error;
      }
    }
    throw unavailable(blob, places, missing);
  }

  async #fetchFrom<T>(
    place: Place,
    blob: Descriptor,
    read: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const { registries, store, emit, signal } = this.#parts;
    const repository = await registries.repository(place);
    const transfer = new Transfer({ emit, action: 'pull', blob, place: placeName(place) });
    try {
      const bytes = store.blobs.receive(blob, (have) => repository.openBlob(blob, { signal, have }));
      const result = await read(transfer.tap(bytes));
      transfer.end('done');
      return result;
    } catch (error) {
      transfer.end('failed');
      throw error;
    }
  }
}

/** The running work for a name, or new work; what fails is not remembered. */
function shared<T>(running: Map<string, Promise<T>>, name: string, work: () => Promise<T>): Promise<T> {
  const known = running.get(name);
  if (known) return known;
  const started = work();
  running.set(name, started);
  started.catch(() => running.delete(name));
  return started;
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(path, { highWaterMark: READ_SIZE })) yield chunk as Uint8Array;
}

function compressionOf({ mediaType, digest }: Descriptor): Compression {
  const compression = layerCompression(mediaType);
  if (compression !== undefined) return compression;
  throw new LapidaryError('UNSUPPORTED', `layer ${digest} has the media type ${quoted(mediaType)}`, {
    hint: 'only tar layers, uncompressed or compressed with gzip or zstd, can be read',
  });
}

const isDamage = (error: unknown): boolean =>
  error instanceof LapidaryError && (error.code === 'TAR_INVALID' || error.code === 'DIGEST_MISMATCH');

function gone({ diffId }: StoredLayer): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `the layer with the diff ID ${diffId} is not in the store`, {
    hint: 'build it again with --no-cache, or load the image again',
  });
}

function unavailable(blob: Descriptor, places: readonly Place[], cause: unknown): LapidaryError {
  const tried = places.length === 0 ? ['no repository is known to have it'] : places.map(placeName);
  return new LapidaryError('IMAGE_NOT_FOUND', `the layer ${blob.digest} was found nowhere`, {
    notes: ['tried:', ...tried.map((name) => `  ${name}`)],
    hint: 'pull or load the image again',
    cause,
  });
}

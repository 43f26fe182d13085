import { createReadStream } from 'node:fs';
import type { Descriptor } from '../oci/index.ts';
import type { OpenSource, Repository } from '../registry/index.ts';
import type { BlobStore } from '../solve/index.ts';
import { notePlace, type Place, placeName, readPlaces } from './blob-places.ts';
import type { RemoteAccess } from './remote-access.ts';
import { Transfer } from './transfer.ts';

const READ_SIZE = 1024 * 1024;

type Blob = Pick<Descriptor, 'mediaType' | 'digest' | 'size'>;

/** Puts blobs into one repository, and remembers that it has them now. */
export class BlobPusher {
  readonly repository: Repository;
  readonly #remote: RemoteAccess;
  readonly #place: Place;
  /** Bytes of blobs that were sent. */
  sent = 0;

  constructor(repository: Repository, remote: RemoteAccess) {
    this.repository = repository;
    this.#remote = remote;
    this.#place = { registry: repository.registry, repository: repository.name };
  }

  /**
   * A blob that the store has, or some registry. Nothing is sent when it is there already, or in another repository of
   * this registry; what only another registry has is fetched first, or read by `read`.
   */
  async push(blob: Blob, read: OpenSource = (offset) => this.#read(blob, offset)): Promise<void> {
    const { store, emit, signal } = this.#remote;
    const mountFrom = await this.#neighbours(blob);
    const transfer = new Transfer({ emit, action: 'push', blob, place: placeName(this.#place) });
    try {
      const outcome = await this.repository.pushBlob(blob, read, {
        mountFrom,
        signal,
        onProgress: (bytes) => transfer.progress(bytes),
      });
      if (outcome === 'uploaded') this.sent += blob.size;
      transfer.end(outcome === 'uploaded' ? 'done' : outcome);
    } catch (error) {
      transfer.end('failed');
      throw error;
    }
    await notePlace(store.facts, blob.digest, this.#place);
  }

  /**
   * The store's blobs for somebody who makes a new one: while it is put into the store it is also sent, so that making,
   * digesting and sending go on at the same time. `sent` tells whether one was made at all.
   */
  sending(): { readonly blobs: BlobStore; readonly sent: () => boolean } {
    const { blobs } = this.#remote.store;
    let sent = false;
    const putStream: BlobStore['putStream'] = async (source) => {
      const stored = await this.#send(source);
      sent = true;
      return stored;
    };
    const sending: BlobStore = {
      has: (digest) => blobs.has(digest),
      path: (digest) => blobs.path(digest),
      readBytes: (digest) => blobs.readBytes(digest),
      putBytes: (bytes) => blobs.putBytes(bytes),
      putStream,
    };
    return { blobs: sending, sent: () => sent };
  }

  async #send(source: AsyncIterable<Uint8Array>): ReturnType<BlobStore['putStream']> {
    const { store, emit, signal } = this.#remote;
    const transfer = new Transfer({ emit, action: 'push', place: placeName(this.#place) });
    const spool = store.blobs.spool(untilAborted(source, signal));
    const sent = this.repository.pushStream(() => spool.open(), {
      signal,
      onProgress: (bytes) => transfer.progress(bytes),
    });
    const [made, ended] = await Promise.allSettled([spool.done, sent]);
    transfer.end(made.status === 'fulfilled' && ended.status === 'fulfilled' ? 'done' : 'failed');
    if (made.status === 'rejected') throw made.reason;
    if (ended.status === 'rejected') throw ended.reason;
    this.sent += made.value.size;
    await notePlace(store.facts, made.value.digest, this.#place);
    return made.value;
  }

  async #neighbours({ digest }: Blob): Promise<string[]> {
    const places = await readPlaces(this.#remote.store.facts, digest);
    return places
      .filter(
        ({ registry, repository }) =>
          registry === this.#place.registry && repository !== this.#place.repository,
      )
      .map(({ repository }) => repository);
  }

  async *#read(blob: Blob, offset: number): AsyncGenerator<Uint8Array> {
    const { fetcher, store } = this.#remote;
    await fetcher.ensureBlob(blob);
    const file = createReadStream(store.blobs.path(blob.digest), { start: offset, highWaterMark: READ_SIZE });
    for await (const chunk of file) yield chunk as Uint8Array;
  }
}

async function* untilAborted(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    signal.throwIfAborted();
    yield chunk;
  }
}

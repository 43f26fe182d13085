import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, readFileSync, rmSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { LapidaryError } from '../errors/index.ts';
import { decompress, markUnsettled } from '../host/index.ts';
import { type DiffId, hexOf } from '../oci/index.ts';
import { type LayerStore, Pace, type StorePaths } from '../solve/index.ts';
import { encodePathText, TarReader } from '../tar/index.ts';
import {
  decodeLayer,
  type Entry,
  encodeLayer,
  type FileNode,
  type Inode,
  type Layer,
  type LayerId,
  layerId,
  sortEntries,
  TarEntries,
  tableId,
} from '../tree/index.ts';
import { moveInto, NewFile, temporaryName, writeFileAtomic } from './atomic-file.ts';
import { PackWriter } from './pack-writer.ts';
import { fromOutside, isMissing, storeError } from './store-error.ts';

/** What a small archive may grow to when it is uncompressed. */
const MAX_TAR = 2 ** 40;

type Ingest = Parameters<LayerStore['ingestTar']>[1];

export class FileLayerStore implements LayerStore {
  readonly #paths: StorePaths;

  constructor(paths: StorePaths) {
    this.#paths = paths;
  }

  has(id: LayerId): Promise<boolean> {
    return Promise.resolve(existsSync(this.#table(id)));
  }

  read(id: LayerId): Promise<Layer> {
    return Promise.try(() => {
      try {
        return decodeLayer(readFileSync(this.#table(id)), id);
      } catch (error) {
        if (!isMissing(error)) throw storeError(error, this.#table(id));
        throw new LapidaryError('STORE_CORRUPT', `the layer ${id} is not in the store`, {
          hint: 'build again with --no-cache, or load the image again',
        });
      }
    });
  }

  async write(entries: readonly Entry[], signal?: AbortSignal): Promise<Layer> {
    const sorted = sortEntries(entries);
    const id = layerId(sorted);
    return (await this.#stored(id)) ?? this.#pack({ id, entries: sorted }, signal);
  }

  async ingestTar(
    source: AsyncIterable<Uint8Array>,
    { compression, expectDiffId, signal }: Ingest,
  ): Promise<{ readonly layer: Layer; readonly diffId: DiffId; readonly size: number }> {
    const temporary = temporaryName(this.#paths.work);
    try {
      // The pack gets its name only when all its bytes are known; until then the entries call it by this
      const draft = 'pending';
      const members = new TarEntries((_, offset) => ({ kind: 'pack', pack: draft, offset }));
      const { diffId, size } = await writeTar(temporary, decompress(fromOutside(source), compression), {
        members,
        signal,
      });
      if (expectDiffId !== undefined && diffId !== expectDiffId) {
        throw new LapidaryError(
          'DIGEST_MISMATCH',
          `a layer was promised as ${expectDiffId} but its tar is ${diffId}`,
          {
            hint: 'the image is damaged or was changed: fetch it again',
          },
        );
      }
      const pack = `tar-${hexOf(diffId)}`;
      this.#movePack(temporary, pack);
      const entries = members.entries().map((entry) => relocate(entry, draft, pack));
      return { layer: this.#storeTable({ id: layerId(entries), entries }), diffId, size };
    } catch (error) {
      rmSync(temporary, { force: true });
      signal?.throwIfAborted();
      throw storeError(error, this.#paths.packs);
    }
  }

  adopt(tableFile: string): Promise<Layer> {
    return Promise.try(() => {
      const layer = decodeLayer(readFileSync(tableFile));
      moveInto(tableFile, this.#table(layer.id));
      return layer;
    });
  }

  adoptTable(tableFile: string): Promise<LayerId> {
    return Promise.try(() => {
      const id = tableId(readFileSync(tableFile));
      moveInto(tableFile, this.#table(id));
      return id;
    });
  }

  openContent(file: FileNode): Readable {
    const { content, size } = file;
    if (content.kind === 'bytes' || size === 0) {
      return Readable.from(content.kind === 'bytes' ? [content.bytes] : [], { objectMode: false });
    }
    const start = content.kind === 'pack' ? content.offset : 0;
    return createReadStream(this.#contentPath(content), {
      start,
      end: start + size - 1,
      highWaterMark: 256 * 1024,
    });
  }

  async readContent(file: FileNode): Promise<Uint8Array> {
    const { content, size } = file;
    if (content.kind === 'bytes') return content.bytes;
    const path = this.#contentPath(content);
    if (content.kind !== 'pack') return readFile(path);
    await using handle = await open(path);
    const bytes = Buffer.allocUnsafe(size);
    const { bytesRead } = await handle.read(bytes, 0, size, content.offset);
    if (bytesRead === size) return bytes;
    throw new LapidaryError('STORE_CORRUPT', `${path.toString()} is shorter than it should be`, {
      hint: 'build again with --no-cache',
    });
  }

  #contentPath(content: Exclude<FileNode['content'], { kind: 'bytes' }>): Buffer {
    switch (content.kind) {
      case 'host':
        return Buffer.from(encodePathText(content.path));
      case 'pack':
        return Buffer.from(join(this.#paths.packs, content.pack));
      case 'tree':
        return Buffer.concat([
          Buffer.from(join(this.#paths.trees, content.tree, '/')),
          encodePathText(content.path),
        ]);
    }
  }

  #table(id: LayerId): string {
    return join(this.#paths.layers, hexOf(id));
  }

  #movePack(temporary: string, name: string): void {
    markUnsettled(this.#paths.unsettled, { kind: 'pack', name });
    moveInto(temporary, join(this.#paths.packs, name));
  }

  #storeTable(layer: Layer): Layer {
    writeFileAtomic(this.#table(layer.id), encodeLayer(layer), { work: this.#paths.work, sync: true });
    return layer;
  }

  /** `undefined` also for a damaged one: writing it again repairs it. */
  async #stored(id: LayerId): Promise<Layer | undefined> {
    if (!(await this.has(id))) return undefined;
    try {
      return await this.read(id);
    } catch (error) {
      if (error instanceof LapidaryError && error.code === 'STORE_CORRUPT') return undefined;
      throw error;
    }
  }

  /** Copies what is not in the store yet into one pack, points the entries there, and stores the table. */
  async #pack(layer: Layer, signal: AbortSignal | undefined): Promise<Layer> {
    const fresh = layer.entries.filter((entry) => entry.kind === 'node' && isFresh(entry.node));
    if (fresh.length === 0) return this.#storeTable(layer);
    // Not called by the layer: somebody who writes the same layer at this moment may have other contents to copy
    const pack = `layer-${randomBytes(16).toString('hex')}`;
    const temporary = temporaryName(this.#paths.work);
    try {
      const places = await writePack(temporary, fresh, signal);
      const faster = await this.#stored(layer.id);
      if (faster === undefined) {
        this.#movePack(temporary, pack);
        return this.#storeTable({
          ...layer,
          entries: layer.entries.map((entry) => packed(entry, pack, places)),
        });
      }
      rmSync(temporary, { force: true });
      return faster;
    } catch (error) {
      rmSync(temporary, { force: true });
      throw storeError(error, this.#paths.packs);
    }
  }
}

/** Where each of the files is in the pack. */
async function writePack(
  path: string,
  entries: readonly Entry[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Inode, number>> {
  const places = new Map<Inode, number>();
  using writer = new PackWriter(path);
  for (const entry of entries) {
    signal?.throwIfAborted();
    if (entry.kind !== 'node' || entry.node.type !== 'file') continue;
    const { content } = entry.node;
    places.set(entry.node, writer.size);
    if (content.kind === 'bytes' || content.kind === 'host') await writer.add(entry.node, content);
  }
  writer.finish();
  return places;
}

function isFresh(node: Inode): boolean {
  return node.type === 'file' && (node.content.kind === 'bytes' || node.content.kind === 'host');
}

function packed(entry: Entry, pack: string, places: ReadonlyMap<Inode, number>): Entry {
  if (entry.kind !== 'node' || entry.node.type !== 'file') return entry;
  const offset = places.get(entry.node);
  if (offset === undefined) return entry;
  return { ...entry, node: { ...entry.node, content: { kind: 'pack', pack, offset } } };
}

function relocate(entry: Entry, from: string, to: string): Entry {
  if (entry.kind !== 'node' || entry.node.type !== 'file') return entry;
  const { content } = entry.node;
  if (content.kind !== 'pack' || content.pack !== from) return entry;
  return { ...entry, node: { ...entry.node, content: { ...content, pack: to } } };
}

async function writeTar(
  path: string,
  source: AsyncIterable<Uint8Array>,
  { members, signal }: { readonly members: TarEntries; readonly signal: AbortSignal | undefined },
): Promise<{ readonly diffId: DiffId; readonly size: number }> {
  using file = new NewFile(path);
  const reader = new TarReader(members);
  const hash = createHash('sha256');
  const pace = new Pace();
  let size = 0;
  for await (const chunk of source) {
    signal?.throwIfAborted();
    size += chunk.length;
    if (size > MAX_TAR) throw new LapidaryError('TAR_INVALID', 'the archive is larger than 1 TiB');
    hash.update(chunk);
    reader.push(chunk);
    file.write(chunk);
    await pace.breathe();
  }
  reader.end();
  return { diffId: `sha256:${hash.digest('hex')}` as DiffId, size };
}

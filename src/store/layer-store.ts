import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { LapidaryError } from '../errors/index.ts';
import { decompress, markUnsettled } from '../host/index.ts';
import { type DiffId, hexOf } from '../oci/index.ts';
import {
  type ByteRange,
  inTurns,
  type LayerStore,
  nextTurn,
  type StorePaths,
  turnIsOver,
} from '../solve/index.ts';
import { TarReader } from '../tar/index.ts';
import {
  decodeLayer,
  type Entry,
  encodeLayer,
  type FileNode,
  type Inode,
  type Layer,
  type LayerId,
  type LayerTable,
  mapSteps,
  sortEntries,
  TarEntries,
  tableId,
  tabulate,
} from '../tree/index.ts';
import { moveInto, NewFile, temporaryName, writeFileAtomic } from './atomic-file.ts';
import { openContent, readContent } from './contents.ts';
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

  async read(id: LayerId): Promise<Layer> {
    try {
      return await inTurns(decodeLayer(readFileSync(this.#table(id)), id));
    } catch (error) {
      if (!isMissing(error)) throw storeError(error, this.#table(id));
      throw new LapidaryError('STORE_CORRUPT', `the layer ${id} is not in the store`, {
        hint: 'build again with --no-cache, or load the image again',
      });
    }
  }

  async write(entries: readonly Entry[], signal?: AbortSignal): Promise<Layer> {
    const sorted = await inTurns(sortEntries(entries));
    const table = await inTurns(tabulate(sorted));
    return (await this.#stored(table.id)) ?? this.#pack(sorted, table, signal);
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
      const found = await inTurns(members.entries());
      const entries = await inTurns(mapSteps(found, (entry) => relocate(entry, draft, pack)));
      const table = await inTurns(tabulate(entries));
      return { layer: await this.#storeTable(table, entries), diffId, size };
    } catch (error) {
      rmSync(temporary, { force: true });
      signal?.throwIfAborted();
      throw storeError(error, this.#paths.packs);
    }
  }

  async adopt(tableFile: string): Promise<Layer> {
    const layer = await inTurns(decodeLayer(readFileSync(tableFile)));
    moveInto(tableFile, this.#table(layer.id));
    return layer;
  }

  async adoptTable(tableFile: string): Promise<LayerId> {
    const id = await inTurns(tableId(readFileSync(tableFile)));
    moveInto(tableFile, this.#table(id));
    return id;
  }

  openContent(file: FileNode, range?: ByteRange): Readable {
    return openContent(this.#paths, file, range);
  }

  readContent(file: FileNode): Promise<Uint8Array> {
    return readContent(this.#paths, file);
  }

  #table(id: LayerId): string {
    return join(this.#paths.layers, hexOf(id));
  }

  #movePack(temporary: string, name: string): void {
    markUnsettled(this.#paths.unsettled, { kind: 'pack', name });
    moveInto(temporary, join(this.#paths.packs, name));
  }

  async #storeTable(table: LayerTable, entries: readonly Entry[]): Promise<Layer> {
    const { id } = table;
    const pieces = await inTurns(encodeLayer(table, entries));
    writeFileAtomic(this.#table(id), pieces, { work: this.#paths.work, sync: true });
    return { id, entries };
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
  async #pack(entries: readonly Entry[], table: LayerTable, signal: AbortSignal | undefined): Promise<Layer> {
    const fresh = entries.filter((entry) => entry.kind === 'node' && isFresh(entry.node));
    if (fresh.length === 0) return this.#storeTable(table, entries);
    // Not called by the layer: somebody who writes the same layer at this moment may have other contents to copy
    const pack = `layer-${randomBytes(16).toString('hex')}`;
    const temporary = temporaryName(this.#paths.work);
    try {
      const places = await writePack(temporary, fresh, signal);
      const faster = await this.#stored(table.id);
      if (faster === undefined) {
        this.#movePack(temporary, pack);
        const placed = await inTurns(mapSteps(entries, (entry) => packed(entry, pack, places)));
        return await this.#storeTable(table, placed);
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
  let size = 0;
  for await (const chunk of source) {
    signal?.throwIfAborted();
    size += chunk.length;
    if (size > MAX_TAR) throw new LapidaryError('TAR_INVALID', 'the archive is larger than 1 TiB');
    hash.update(chunk);
    reader.push(chunk);
    file.write(chunk);
    if (turnIsOver()) await nextTurn();
  }
  reader.end();
  return { diffId: `sha256:${hash.digest('hex')}` as DiffId, size };
}

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { LapidaryError } from '../../src/errors/index.ts';
import { type Compression, type DiffId, type Digest, hexOf, sha256 } from '../../src/oci/index.ts';
import type { BlobStore, FactStore, LayerStore } from '../../src/solve/index.ts';
import { cleanMemberPath, type TarMember, TarReader, whiteoutOf } from '../../src/tar/index.ts';
import {
  compareEntries,
  type Entry,
  type FileNode,
  type Inode,
  type Layer,
  type LayerId,
} from '../../src/tree/index.ts';
import { layerId } from '../../src/tree/testing.ts';

/** Facts in a map, with a count of what was asked. */
export class MemoryFacts implements FactStore {
  readonly map: Map<string, string> = new Map();

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.map.get(key));
  }

  put(key: string, value: string): Promise<void> {
    if (/[\n\0]/.test(key + value)) throw new Error(`a fact of more than one line: ${key}`);
    this.map.set(key, value);
    return Promise.resolve();
  }
}

/** Blobs as files of a directory, since `path` promises files; strict where a real store may be lenient. */
export class FileBlobs implements BlobStore {
  readonly #directory: string;
  /** Digests of `putStream`, in order. */
  readonly streamed: Digest[] = [];

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
  }

  has(digest: Digest): Promise<boolean> {
    return Promise.resolve(existsSync(this.#file(digest)));
  }

  path(digest: Digest): string {
    if (existsSync(this.#file(digest))) return this.#file(digest);
    throw new LapidaryError('STORE_CORRUPT', `there is no blob ${digest}`);
  }

  async readBytes(digest: Digest): Promise<Uint8Array> {
    const bytes = readFileSync(this.path(digest));
    if (sha256(bytes) !== digest) throw new LapidaryError('STORE_CORRUPT', `blob ${digest} does not verify`);
    return bytes;
  }

  putBytes(bytes: Uint8Array): Promise<{ digest: Digest; size: number }> {
    const digest = sha256(bytes);
    writeFileSync(this.#file(digest), bytes);
    return Promise.resolve({ digest, size: bytes.length });
  }

  async putStream(
    source: AsyncIterable<Uint8Array>,
    options: Parameters<BlobStore['putStream']>[1],
  ): Promise<{ digest: Digest; size: number }> {
    if (options.expect && (await this.has(options.expect.digest))) return options.expect;
    const bytes = await whole(source, options.signal);
    const digest = sha256(bytes);
    const { expect } = options;
    if (expect && (expect.digest !== digest || expect.size !== bytes.length)) {
      throw new LapidaryError('DIGEST_MISMATCH', `expected ${expect.digest}, found ${digest}`);
    }
    this.streamed.push(digest);
    return this.putBytes(bytes);
  }

  /** Damages a blob: its bytes change, its size does not. */
  damage(digest: Digest): void {
    writeFileSync(this.#file(digest), Buffer.alloc(statSync(this.#file(digest)).size, 0x2a));
  }

  #file(digest: Digest): string {
    return join(this.#directory, hexOf(digest));
  }
}

/** Layers and their contents in memory. Contents are only given out for references into this very store. */
export class MemoryLayers implements LayerStore {
  readonly #layers = new Map<LayerId, Layer>();
  readonly #packs = new Map<string, Buffer>();
  /** How many streams were opened, to see what reading a layer costs. */
  opened = 0;
  ingested = 0;

  has(id: LayerId): Promise<boolean> {
    return Promise.resolve(this.#layers.has(id));
  }

  read(id: LayerId): Promise<Layer> {
    const layer = this.#layers.get(id);
    if (layer) return Promise.resolve(layer);
    return Promise.reject(new LapidaryError('STORE_CORRUPT', `there is no layer ${id}`));
  }

  async write(entries: readonly Entry[]): Promise<Layer> {
    const sorted = [...entries].sort(compareEntries);
    const pieces: Uint8Array[] = [];
    let offset = 0;
    const pack = `pack-${this.#packs.size}`;
    const stored = sorted.map((entry): Entry => {
      if (entry.kind !== 'node' || entry.node.type !== 'file' || entry.node.content.kind !== 'bytes')
        return entry;
      const { bytes } = entry.node.content;
      pieces.push(bytes);
      offset += bytes.length;
      const content = { kind: 'pack', pack, offset: offset - bytes.length } as const;
      return { ...entry, node: { ...entry.node, digest: sha256(bytes), content } };
    });
    this.#packs.set(pack, Buffer.concat(pieces));
    return this.#keep(stored);
  }

  async ingestTar(
    source: AsyncIterable<Uint8Array>,
    options: Parameters<LayerStore['ingestTar']>[1],
  ): Promise<{ layer: Layer; diffId: DiffId; size: number }> {
    const tar = decompress(await whole(source, options.signal), options.compression);
    const diffId = sha256<DiffId>(tar);
    if (options.expectDiffId !== undefined && options.expectDiffId !== diffId) {
      throw new LapidaryError(
        'DIGEST_MISMATCH',
        `expected the diffID ${options.expectDiffId}, found ${diffId}`,
      );
    }
    const pack = `pack-${this.#packs.size}`;
    this.#packs.set(pack, tar);
    this.ingested++;
    return { layer: this.#keep(tarEntries(tar, pack)), diffId, size: tar.length };
  }

  openContent(file: FileNode): Readable {
    this.opened++;
    return Readable.from([this.#bytes(file)], { objectMode: false });
  }

  async readContent(file: FileNode): Promise<Uint8Array> {
    return this.#bytes(file);
  }

  /** Cuts off the end of a pack. */
  truncate(pack: string, size: number): void {
    this.#packs.set(pack, this.#packs.get(pack)?.subarray(0, size) ?? Buffer.alloc(0));
  }

  #bytes({ content, size }: FileNode): Buffer {
    if (content.kind !== 'pack') throw new Error(`contents of kind ${content.kind} are not in this store`);
    const pack = this.#packs.get(content.pack);
    if (!pack) throw new LapidaryError('STORE_CORRUPT', `there is no pack ${content.pack}`);
    return pack.subarray(content.offset, content.offset + size);
  }

  #keep(entries: readonly Entry[]): Layer {
    const sorted = [...entries].sort(compareEntries);
    const layer = { id: layerId(sorted), entries: sorted };
    this.#layers.set(layer.id, layer);
    return layer;
  }
}

/** All that importing and exporting need, below one scratch directory. */
export type MemoryStore = {
  readonly blobs: FileBlobs;
  readonly layers: MemoryLayers;
  readonly facts: MemoryFacts;
};

export function memoryStore(directory: string): MemoryStore {
  return { blobs: new FileBlobs(directory), layers: new MemoryLayers(), facts: new MemoryFacts() };
}

async function whole(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) {
    signal?.throwIfAborted();
    chunks.push(Uint8Array.from(chunk));
  }
  return Buffer.concat(chunks);
}

function decompress(bytes: Buffer, compression: Compression): Buffer {
  if (compression === 'gzip') return gunzipSync(bytes);
  return compression === 'zstd' ? zstdDecompressSync(bytes) : bytes;
}

function tarEntries(tar: Buffer, pack: string): Entry[] {
  const entries: Entry[] = [];
  const reader = new TarReader({
    onMember: (member) => {
      const path = cleanMemberPath(member.path);
      const gone = whiteoutOf(path);
      if (gone?.kind === 'ignored') return;
      if (gone) entries.push({ kind: gone.kind, path: gone.path });
      else if (member.type === 'hardlink') {
        entries.push({ kind: 'hardlink', path, target: cleanMemberPath(member.link ?? '') });
      } else entries.push({ kind: 'node', path, node: nodeOf(member, tar, pack) });
    },
    onData: () => undefined,
    onMemberEnd: () => undefined,
  });
  reader.push(tar);
  reader.end();
  return entries;
}

function nodeOf(member: TarMember & { readonly offset: number }, tar: Buffer, pack: string): Inode {
  const { mode, uid, gid, mtime, mtimeNs, xattrs, offset, size } = member;
  const metadata = { mode, uid, gid, mtime, mtimeNs, ...(xattrs ? { xattrs } : {}) };
  switch (member.type) {
    case 'file': {
      const digest = sha256(tar.subarray(offset, offset + size));
      return { ...metadata, type: 'file', size, digest, content: { kind: 'pack', pack, offset } };
    }
    case 'symlink':
      return { ...metadata, type: 'symlink', target: member.link ?? '' };
    case 'char':
    case 'block':
      return { ...metadata, type: member.type, major: member.major ?? 0, minor: member.minor ?? 0 };
    default:
      return { ...metadata, type: member.type === 'dir' ? 'dir' : 'fifo' };
  }
}

/** Text as the only bytes of a source. */
export async function* sourceOf(...chunks: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

/** Digest of a file as hex, for comparing with what other tools say. */
export function fileHex(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

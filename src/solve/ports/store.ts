import type { Readable } from 'node:stream';
import type { Compression, DiffId, Digest } from '../../oci/index.ts';
import type { ContentRef, Entry, FileNode, Layer, LayerId } from '../../tree/index.ts';

/**
 * Key → value, both short texts. A `put` is atomic and last-writer-wins; readers see the old or the new value,
 * never a part; a fact that does not read back as written is reported as absent. Nothing is ever removed but by prune.
 */
export interface FactStore {
  get(key: string): Promise<string | undefined>;
  put(key: string, value: string): Promise<void>;
}

/**
 * Blobs by digest, as registries hold them (configs, manifests, compressed layers). Immutable. `put` verifies
 * digest and size while streaming and makes the blob visible only when complete; putting what exists is a no-op.
 */
export interface BlobStore {
  has(digest: Digest): Promise<boolean>;
  /** Absolute path of the blob's file. @throws LapidaryError STORE_CORRUPT when it is absent. */
  path(digest: Digest): string;
  /** Small blobs only (configs, manifests); verified on read. @throws LapidaryError STORE_CORRUPT */
  readBytes(digest: Digest): Promise<Uint8Array>;
  putBytes(bytes: Uint8Array): Promise<{ readonly digest: Digest; readonly size: number }>;
  /** @throws LapidaryError DIGEST_MISMATCH when `expect` is given and does not hold; nothing stays behind. */
  putStream(
    source: AsyncIterable<Uint8Array>,
    options: {
      readonly expect?: { readonly digest: Digest; readonly size: number };
      readonly signal?: AbortSignal;
    },
  ): Promise<{ readonly digest: Digest; readonly size: number }>;
}

/** Part of a file, in bytes. */
export type ByteRange = { readonly offset: number; readonly length: number };

/**
 * Layers by ID: entry tables with durable references to their contents.
 */
export interface LayerStore {
  has(id: LayerId): Promise<boolean>;
  /** @throws LapidaryError STORE_CORRUPT when it is absent or its table does not have this ID. */
  read(id: LayerId): Promise<Layer>;
  /**
   * Makes a layer durable: contents in memory or on the host are copied into a new pack (verified against the
   * entry's digest on the way; CONTEXT_CHANGED when a file differs by now), references into the store are kept.
   * The returned layer only has references into the store. Atomic; writing an existing layer returns the stored one.
   */
  write(entries: readonly Entry[], signal?: AbortSignal): Promise<Layer>;
  /**
   * Reads a whole layer tar (compressed as said), keeps its bytes as a pack, and makes the layer durable.
   * One pass; verifies `expectDiffId` if given. @throws LapidaryError TAR_INVALID, DIGEST_MISMATCH
   */
  ingestTar(
    source: AsyncIterable<Uint8Array>,
    options: {
      readonly compression: Compression;
      readonly expectDiffId?: DiffId;
      readonly signal?: AbortSignal;
    },
  ): Promise<{ readonly layer: Layer; readonly diffId: DiffId; readonly size: number }>;
  /** The bytes of one file, or of a part of it as far as it has one, as a stream; or whole. */
  openContent(file: FileNode, range?: ByteRange): Readable;
  readContent(file: FileNode): Promise<Uint8Array>;
}

/** The contents of one file in the store. */
export type StoredFile = { readonly digest: Digest; readonly size: number; readonly content: ContentRef };

/** Single files that came from outside, each kept once by its digest. */
export interface FileStore {
  /**
   * Keeps what a stream gives; visible only when complete, and a no-op for what is there already.
   * @throws LapidaryError FETCH_FAILED when there is more than `maxBytes`; nothing stays behind
   */
  keep(
    source: AsyncIterable<Uint8Array>,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<StoredFile>;
  find(digest: Digest): Promise<StoredFile | undefined>;
}

/** Where the parts of a store are: what the sandbox needs to know. All absolute, on one filesystem. */
export type StorePaths = {
  /** Entry tables, one file per layer: `<layers>/<hex of LayerId>`, in the form of `encodeLayer`. */
  readonly layers: string;
  /** Packs, one file each: `<packs>/<pack>`. */
  readonly packs: string;
  /** Unpacked layers in overlay form, one directory each: `<trees>/<tree>`. */
  readonly trees: string;
  /** A file that says whose IDs and attributes the unpacked layers have. */
  readonly form: string;
  /** What its owner could not remove, for a sandbox to do it. */
  readonly discarded: string;
  /** Directories of cache mounts, made when they are needed. */
  readonly caches: string;
  /** Marks of what may not have reached the disk yet; see `markUnsettled`. */
  readonly unsettled: string;
  /** Scratch directories of running processes; each is removed by its owner, or when its owner is dead. */
  readonly work: string;
};

/** Opens the bytes behind a reference for those who write outputs. */
export interface ContentReader {
  openContent(file: FileNode): Readable;
}

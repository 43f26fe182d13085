import type { Readable } from 'node:stream';
import type { Compression, Descriptor, DiffId, Digest, ImageConfig, Platform } from '../oci/index.ts';
import type { GitRef } from '../plan/index.ts';
import type { ContentRef, Entry, FileNode, Layer, LayerId, Tree } from '../tree/index.ts';

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
  /** The bytes of one file, as a stream or whole. */
  openContent(file: FileNode): Readable;
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

/** Unpacks archives for ADD. */
export interface ArchiveReader {
  /**
   * The members of a tar archive (compressed or not, told by content and never by name) as entries with durable
   * contents; `undefined` when the file is no archive.
   * @throws LapidaryError TAR_INVALID, ARCHIVE_UNSUPPORTED
   */
  unpack(file: FileNode, signal: AbortSignal): Promise<readonly Entry[] | undefined>;
}

/** A file behind a URL. */
export type RemoteFile = {
  readonly digest: Digest;
  /** When the server says that it changed, in seconds since 1970; absent when that was not asked. */
  readonly modified?: number;
  /** With its contents durable in the store, mode 0600, owner 0:0. @throws LapidaryError FETCH_FAILED */
  load(): Promise<FileNode>;
};

/** A commit of a repository. */
export type RemoteCheckout = {
  /** Full hex name. */
  readonly commit: string;
  /** Its files, durable in the store: owner 0:0, the time of the commit. @throws LapidaryError FETCH_FAILED */
  load(): Promise<Tree>;
};

/** Files and repositories of the network, for ADD and for build contexts. */
export interface RemoteSources {
  /**
   * With a `sha256:` checksum nothing is fetched before `load`. Without one the server is asked whether the file that
   * the store has is still the same; if not it is fetched.
   * @throws LapidaryError FETCH_FAILED, DIGEST_MISMATCH
   */
  http(
    request: { readonly url: string; readonly checksum?: string },
    signal: AbortSignal,
  ): Promise<RemoteFile>;
  /** Asks what the reference leads to; `subdir` is the caller's business. @throws LapidaryError FETCH_FAILED */
  git(ref: GitRef, signal: AbortSignal): Promise<RemoteCheckout>;
}

/** Where the parts of a store are: what the sandbox needs to know. All absolute, on one filesystem. */
export type StorePaths = {
  /** Entry tables, one file per layer: `<layers>/<hex of LayerId>`, in the form of `encodeLayer`. */
  readonly layers: string;
  /** Packs, one file each: `<packs>/<pack>`. */
  readonly packs: string;
  /** Unpacked layers in overlay form, one directory each: `<trees>/<tree>`. */
  readonly trees: string;
  /** Directories of cache mounts, made when they are needed. */
  readonly caches: string;
  /** Marks of what may not have reached the disk yet; see `markUnsettled`. */
  readonly unsettled: string;
  /** Scratch directories of running processes; each is removed by its owner, or when its owner is dead. */
  readonly work: string;
};

/** One image of one platform in the local store. */
export type StoredImage = {
  /** Digest of the configuration blob: the image ID. */
  readonly id: Digest;
  readonly platform: Platform;
  readonly layers: readonly StoredLayer[];
  /** The manifest it came with, whose bytes are in the blob store: pushed again it keeps its digest. */
  readonly manifest?: Descriptor;
};
/** A layer whose entries and contents are in the store. */
export type LocalLayer = {
  readonly layer: LayerId;
  readonly diffId: DiffId;
  /** Bytes of the uncompressed tar. */
  readonly size: number;
  /** The blob this layer came as, so that it is never compressed again. A registry may hold it, and not the store. */
  readonly blob?: Descriptor;
};
/** A layer that only an image has told of. It stays where it is until somebody reads it: see `LayerSource`. */
export type RemoteLayer = {
  readonly layer?: undefined;
  readonly size?: undefined;
  readonly diffId: DiffId;
  readonly blob: Descriptor;
};
export type StoredLayer = LocalLayer | RemoteLayer;
/** A layer of a root filesystem: one that a step made, or one of a base image. */
export type StackLayer = LayerId | StoredLayer;
/** What a tag names. `reference` is normalised (registry/repository:tag). */
export type TaggedImage = {
  readonly reference: string;
  readonly images: readonly StoredImage[];
  /** Digest of what a registry answered for this name, when it came from one: of an index or of a manifest. */
  readonly remote?: Digest;
  /** ISO 8601, when the tag was last moved. */
  readonly taggedAt: string;
};

/** Tags. `tag` moves a name atomically; a reader sees the old or the new image. */
export interface ImageStore {
  get(reference: string): Promise<TaggedImage | undefined>;
  /** `remote`: see `TaggedImage`. */
  tag(reference: string, images: readonly StoredImage[], remote?: Digest): Promise<void>;
  /** False when there was no such tag. */
  untag(reference: string): Promise<boolean>;
  list(): Promise<TaggedImage[]>;
}

/** A base image as the plan needs it: its configuration, and the layers behind it. */
export type ResolvedImage = {
  readonly id: Digest;
  readonly config: ImageConfig;
  readonly layers: readonly StoredLayer[];
};

/** Brings layers into the store that are elsewhere. */
export interface LayerSource {
  /**
   * The layer in the store: as it is, as another image brought it (a diffID is the same tar everywhere), unpacked from
   * its blob, or fetched. Whoever asks for the same at the same time shares the work.
   * @throws LapidaryError when nobody has it any more, or it is not what its image says
   */
  ensure(layer: StoredLayer): Promise<LocalLayer>;
  /**
   * A stack, base first, for commands that `runtime` is about to run: what is only a blob is unpacked while it is read,
   * which makes what the commands need and what others read in one go.
   * @throws LapidaryError as `ensure` and `Runtime.unpack`
   */
  unpack(stack: readonly StackLayer[], runtime: Pick<Runtime, 'unpack'>): Promise<LayerId[]>;
}

/** Where `FROM` and `COPY --from=` find images. */
export interface ImageSource {
  /** @throws LapidaryError IMAGE_NOT_FOUND naming every place that was tried. */
  resolve(reference: string, platform: Platform): Promise<ResolvedImage>;
}

/** A build context: files on which `COPY` and `ADD` act, after `.dockerignore`. */
export interface BuildContext {
  /**
   * The parts of the context below the given paths as a tree: files without digests, uid and gid 0. Missing paths are
   * simply not in the tree. Symbolic links on the way are in it together with what they lead to.
   */
  scan(paths: readonly string[]): Promise<Tree>;
  /**
   * The same files with digests, from the stat cache where it can be trusted, else by reading them.
   * @throws LapidaryError CONTEXT_UNREADABLE naming the file
   */
  digest(files: readonly FileNode[]): Promise<readonly FileNode[]>;
  /**
   * A text that is the same as long as nothing at or below the given paths was touched, and the context's rules are the
   * same: what a selection came to then can be remembered by it. Far cheaper than `scan` and `digest`; `undefined` when the
   * context cannot tell, or not yet.
   */
  fingerprint?(paths: readonly string[]): Promise<string | undefined>;
}

export type RunNetwork = 'host' | 'none';

/** One process to run in a sandbox. All paths are inside the root filesystem. */
export type RunRequest = {
  /** The stack of layers that is the root filesystem, base first. */
  readonly layers: readonly LayerId[];
  readonly argv: readonly string[];
  /** `NAME=value`, complete: nothing of the caller's environment is added. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** Resolved against the image's passwd and group: numbers only. */
  readonly user: { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };
  readonly hostname: string;
  readonly network: RunNetwork;
  /** What goes to the process's standard input; nothing when absent. */
  readonly stdin?: Uint8Array;
  /** Files that exist for the time of the process only, below `/dev`; absolute paths. */
  readonly files?: readonly { readonly path: string; readonly bytes: Uint8Array; readonly mode: number }[];
  /** In the order they are mounted. */
  readonly mounts?: readonly RequestMount[];
  /** Every capability, no filter of system calls, nothing masked. */
  readonly insecure?: boolean;
};

export type Owner = { readonly uid: number; readonly gid: number; readonly mode: number };

/** What a process sees besides its root filesystem. Targets are absolute and clean, and never the root. */
export type RequestMount =
  | ({ readonly target: string } & TargetMount)
  /** A file, or a variable, or both. The bytes are never written to a disk. */
  | ({
      readonly type: 'secret';
      readonly target?: string;
      readonly env?: string;
      readonly bytes: Uint8Array;
    } & Owner);

type TargetMount =
  /** What stands at `path` (absolute, no links on the way) of a stack of layers. Writes are thrown away. */
  | {
      readonly type: 'bind';
      readonly layers: readonly LayerId[];
      readonly path: string;
      readonly readonly: boolean;
    }
  | {
      readonly type: 'cache';
      /** Names the directory: letters and digits. */
      readonly name: string;
      /** For messages. */
      readonly id: string;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly readonly: boolean;
      /** What a new one holds; absent for nothing. */
      readonly seed?: LayerId;
      /** Of a new one; default: as seeded, else root's, 0755. */
      readonly owner?: Partial<Owner>;
    }
  | { readonly type: 'tmpfs'; readonly size?: number; readonly readonly: boolean }
  /** A socket that answers for an agent. */
  | ({ readonly type: 'ssh'; readonly agent: SshAgent } & Owner);

/** An agent that runs, or keys for one that runs as long as the step. */
export type SshAgent =
  | { readonly type: 'socket'; readonly path: string }
  | { readonly type: 'keys'; readonly keys: readonly Uint8Array[] };

/** What the one who builds lends to steps. Read only when a step needs it. */
export interface Credentials {
  /** `undefined` when there is none of this name. @throws LapidaryError MOUNT_FAILED */
  secret(id: string): Promise<Uint8Array | undefined>;
  /** `undefined` when there is none of this name. @throws LapidaryError MOUNT_FAILED */
  agent(id: string): Promise<SshAgent | undefined>;
  /** Names, for suggestions. */
  readonly secretIds: readonly string[];
  readonly agentIds: readonly string[];
}

export type RunResult =
  /** `layer` is the change the command made, durable in the store. */
  | { readonly ok: true; readonly layer: Layer }
  /** `signal` is set when the command was killed by one. */
  | { readonly ok: false; readonly exitCode: number; readonly signal?: string };

/** A layer that is a blob of the store so far, to be unpacked where commands can use it. */
export type UnpackRequest = {
  readonly blob: { readonly path: string; readonly compression: Compression; readonly diffId: DiffId };
  /** The stack it stands on, base first. */
  readonly below: readonly LayerId[];
};
/** `size` is that of the uncompressed tar, in bytes. */
export type Unpacked = { readonly layer: LayerId; readonly size: number };

/**
 * Runs commands over stacks of layers. Opened lazily by the first `run`; disposing ends every process and mount.
 * Aborting `signal` kills the command and rejects with `signal.reason`; nothing of it stays.
 */
export interface Runtime extends AsyncDisposable {
  run(
    request: RunRequest,
    io: { onOutput(stream: 'stdout' | 'stderr', data: Uint8Array): void; signal: AbortSignal },
  ): Promise<RunResult>;
  /**
   * Makes a blob a layer whose contents are unpacked, in one pass over it; `undefined` when the layer is one of the
   * rare ones that cannot be unpacked like this: `LayerStore.ingestTar` takes it.
   * @throws LapidaryError TAR_INVALID, DIGEST_MISMATCH when the blob is not what it was promised as
   */
  unpack(request: UnpackRequest, io: { signal: AbortSignal }): Promise<Unpacked | undefined>;
}

/** Opens the bytes behind a reference for those who write outputs. */
export interface ContentReader {
  openContent(file: FileNode): Readable;
}

export type { ContentRef };

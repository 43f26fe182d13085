import type { Hash } from 'node:crypto';
import type { Descriptor, Digest } from '../oci/index.ts';
import type { RegistryConfig } from './config.ts';

/** What a client tells while it works. Plain data; text from a registry is raw here. */
export type RegistryEvent =
  /** Nothing goes wrong yet, but nothing goes on either: `what` failed for `reason` and is tried again. */
  | {
      readonly type: 'wait';
      readonly host: string;
      /** `GET /v2/app/manifests/1` */
      readonly what: string;
      /** `status 503 Service Unavailable`, `connection reset` */
      readonly reason: string;
      readonly delayMs: number;
    }
  /** A quota of the registry is nearly used up. Told once per client and host. */
  | { readonly type: 'quota'; readonly host: string; readonly remaining: number; readonly limit: number }
  /** A mirror did not have what was asked for, or could not be reached. */
  | { readonly type: 'mirror-skipped'; readonly mirror: string; readonly reason: string }
  /** A transfer goes on at this offset, in bytes. */
  | { readonly type: 'resumed'; readonly digest: string; readonly offset: number }
  /** A blob on disk or from the registry was damaged, and is fetched again. */
  | { readonly type: 'refetch'; readonly digest: Digest };

/** Time and chance, so that tests need neither. */
export type Clock = {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** @throws the signal's reason */
  readonly sleep: (ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /** From 0 to 1. */
  readonly random: () => number;
};

/** In milliseconds. */
export type Timeouts = {
  /** To connect, TLS included. Default 30 s. */
  readonly connect: number;
  /** For a body that does not move, or hardly does. Default 60 s. */
  readonly idle: number;
  /** From the end of a request to the headers of its answer. Default 3 minutes. */
  readonly answer: number;
  /** The same for the request that completes an upload, where registries move the blob. Default 10 minutes. */
  readonly commit: number;
};

export type RegistryClientOptions = {
  readonly config: RegistryConfig;
  readonly onEvent?: (event: RegistryEvent) => void;
  /** Per host, and each for downloads, uploads and everything else. Default 8. */
  readonly connectionsPerHost?: number;
  /** How long to try again without getting any further, in milliseconds. Default 5 minutes. */
  readonly patienceMs?: number;
  /** The same for a host that never answered: it may not exist. Default 10 seconds. */
  readonly firstContactMs?: number;
  /** How much of a stream is kept until the registry has it, twice. Default 16 MiB. */
  readonly chunkBytes?: number;
  readonly timeouts?: Partial<Timeouts>;
  readonly clock?: Clock;
  /** Allow plain HTTP and unverified TLS everywhere, as `--tls-verify=false` does. */
  readonly insecure?: boolean;
};

export type CallOptions = { readonly signal?: AbortSignal | undefined };
export type TransferOptions = CallOptions & {
  /** Called with bytes done so far. It may go back: a transfer that restarts begins at 0 again. */
  readonly onProgress?: (bytes: number) => void;
};

export type ReadOptions = CallOptions & {
  /** What is there already: its length and the digest over it so far, which is carried on. Only the rest is read. */
  readonly have?: { readonly size: number; readonly hash: Hash };
};

/** A manifest or index as the registry sent it: the digest is that of these bytes. */
export type FetchedManifest = { readonly descriptor: Descriptor; readonly bytes: Uint8Array };

/** Reads a source from an offset, any number of times, the same bytes each time. */
export type OpenSource = (offset: number) => AsyncIterable<Uint8Array>;

/** How a blob came to be in a repository. */
export type PushOutcome = 'exists' | 'mounted' | 'uploaded';

export type PushBlobOptions = TransferOptions & {
  /** Repositories of the same registry that may hold the blob, tried in order before it is uploaded. */
  readonly mountFrom?: readonly string[];
};

/** An artifact that belongs to a subject. OCI image-spec v1.1.1, manifest.md, "Guidelines for Artifact Usage". */
export type ReferrerArtifact = {
  /** The manifest or index it belongs to. */
  readonly subject: Descriptor;
  readonly artifactType: string;
  readonly layers: readonly { readonly mediaType: string; readonly bytes: Uint8Array }[];
  readonly annotations?: Readonly<Record<string, string>>;
};

/**
 * One repository of a registry. Reads go to its mirrors first, writes to the registry itself. Every call tries
 * again for as long as the client's patience lasts, and throws RegistryError (`REGISTRY_*`) in the end; an abort
 * throws the signal's reason. `target` is a tag or a digest.
 */
export interface Repository {
  /** As in references: `docker.io`, `library/alpine`. */
  readonly registry: string;
  readonly name: string;

  /** Asks with HEAD, which counts against no quota. @throws REGISTRY_NOT_FOUND */
  resolve(target: string, options?: CallOptions): Promise<Descriptor>;
  /** At most 4 MiB, verified where `target` is a digest. @throws REGISTRY_NOT_FOUND, DIGEST_MISMATCH */
  getManifest(target: string, options?: CallOptions): Promise<FetchedManifest>;
  /** Asks the registry itself, not its mirrors. */
  hasManifest(digest: Digest, options?: CallOptions): Promise<boolean>;
  /** Asks the registry itself, not its mirrors. */
  hasBlob(digest: Digest, options?: CallOptions): Promise<boolean>;
  /**
   * The bytes of a blob while they arrive. A transfer that breaks goes on where it broke. Size and digest are
   * verified: more than `size` bytes are never yielded, and a wrong digest throws after the last.
   * @throws DIGEST_MISMATCH, REGISTRY_NOT_FOUND
   */
  openBlob(descriptor: Descriptor, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /** A small blob, such as a configuration. At most 4 MiB. */
  readBlob(descriptor: Descriptor, options?: CallOptions): Promise<Uint8Array>;
  /**
   * Writes a blob to `file`, which is complete when this returns; it is not synced. What `file` already holds, from
   * a transfer that broke in this or another process, is kept and the rest is asked for. A file that turns out to be
   * damaged is fetched again, once. After an error `file` holds what can be gone on from, or does not exist.
   * @throws DIGEST_MISMATCH, REGISTRY_NOT_FOUND
   */
  fetchBlobTo(descriptor: Descriptor, file: string, options?: TransferOptions): Promise<void>;

  /** Bytes are sent as they are. `target` defaults to their digest. */
  putManifest(
    manifest: { readonly bytes: Uint8Array; readonly mediaType: string },
    target?: string,
    options?: CallOptions,
  ): Promise<Descriptor>;
  /**
   * Removes a manifest with all of its tags, or, by a tag, that tag alone, which not every registry knows how to do.
   * @throws REGISTRY_NOT_FOUND, REGISTRY_FAILED where the registry does not allow it
   */
  deleteManifest(target: string, options?: CallOptions): Promise<void>;

  /** Whether the registry took over a blob from another of its repositories. Nothing is left behind if not. */
  mountBlob(digest: Digest, fromRepository: string, options?: CallOptions): Promise<boolean>;
  /**
   * Puts a blob whose digest is known into the repository, unless it is there: mounted, or uploaded in a way that
   * goes on at the registry's offset after a fault.
   */
  pushBlob(
    blob: Pick<Descriptor, 'digest' | 'size'>,
    source: OpenSource,
    options?: PushBlobOptions,
  ): Promise<PushOutcome>;
  /**
   * Uploads while the source is being made, so that digest and size are known at its end only. The source is opened
   * again where the registry only takes a blob in one piece, or lost what it had.
   */
  pushStream(
    source: () => AsyncIterable<Uint8Array>,
    options?: TransferOptions,
  ): Promise<{ readonly digest: Digest; readonly size: number }>;
  /** All tags, as the registry orders them. More than 100,000 are an error. */
  listTags(options?: CallOptions): Promise<readonly string[]>;
  /** What belongs to a manifest; where the registry has no such list, it is read from the tag that stands for it. */
  referrers(
    subject: Digest,
    options?: CallOptions & { readonly artifactType?: string },
  ): Promise<readonly Descriptor[]>;
  /** Pushes an artifact and makes it appear among its subject's referrers. */
  pushReferrer(artifact: ReferrerArtifact, options?: CallOptions): Promise<Descriptor>;
  /** Finds out whether pushing is allowed: opens an upload and cancels it. @throws REGISTRY_UNAUTHORIZED, REGISTRY_DENIED */
  checkPush(options?: CallOptions): Promise<void>;
}

/** Holds connections and tokens; whoever opens it disposes it. */
export interface RegistryClient extends AsyncDisposable {
  /** @throws REGISTRY_BLOCKED when the user's configuration forbids it */
  repository(reference: { readonly registry: string; readonly repository: string }): Repository;
}

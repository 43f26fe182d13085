import type { Digest } from '../../oci/index.ts';
import type { GitRef } from '../../plan/index.ts';
import type { Entry, FileNode, Tree } from '../../tree/index.ts';

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

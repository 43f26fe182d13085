import type { Digest } from '../oci/index.ts';

/**
 * Where the bytes of a regular file are. The length is the entry's `size`; the digest of the bytes is the
 * entry's `digest`, so two references with equal digests are interchangeable.
 */
export type ContentRef =
  /** In memory. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** A file of a build context: absolute path on the host (path text, see `encodePath`). May change under us. */
  | { readonly kind: 'host'; readonly path: string }
  /** A byte range of a pack in the store: file contents one after another, or an uncompressed tar. */
  | { readonly kind: 'pack'; readonly pack: string; readonly offset: number }
  /** A file of an unpacked layer directory in the store; `path` is relative to that directory. */
  | { readonly kind: 'tree'; readonly tree: string; readonly path: string };

/** What every node of a filesystem has. */
export type Metadata = {
  /** Permission, setuid, setgid and sticky bits: 0..0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, may be negative. */
  readonly mtime: number;
  /** 0..999_999_999, added to `mtime`. */
  readonly mtimeNs: number;
  /** Extended attributes in the order of their names; absent when there are none. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
};

export type FileNode = Metadata & {
  readonly type: 'file';
  readonly size: number;
  /** sha256 of the contents. Absent only for files of a build context that nobody has read yet. */
  readonly digest?: Digest;
  readonly content: ContentRef;
};
export type DirNode = Metadata & { readonly type: 'dir' };
export type SymlinkNode = Metadata & { readonly type: 'symlink'; readonly target: string };
export type DeviceNode = Metadata & {
  readonly type: 'char' | 'block';
  readonly major: number;
  readonly minor: number;
};
export type FifoNode = Metadata & { readonly type: 'fifo' };

/** What can stand at a path of a merged tree. Two paths with the *same object* are hard links of one file. */
export type Inode = FileNode | DirNode | SymlinkNode | DeviceNode | FifoNode;

/**
 * One line of a layer. `path` is relative to the image's root with no leading slash, no empty, `.` or `..`
 * component; `''` is the root directory itself. Bytes that are not UTF-8 are lone surrogates U+DC80..U+DCFF.
 *
 * - `node`: this inode stands at `path`, replacing what was there (a directory over a directory keeps children).
 * - `hardlink`: `path` is another name of the non-directory at `target` (same layer, or a layer below).
 * - `whiteout`: what lower layers have at `path` is gone.
 * - `opaque`: `path` is a directory whose lower children are gone (its own entry comes as a `node`).
 */
export type Entry =
  | { readonly kind: 'node'; readonly path: string; readonly node: Inode }
  | { readonly kind: 'hardlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'whiteout'; readonly path: string }
  | { readonly kind: 'opaque'; readonly path: string };

declare const layerKind: unique symbol;
/**
 * `sha256:…` over the canonical table of a layer's entries with the digests of its files, but without
 * where their contents are. Equal IDs mean the same change to a filesystem.
 */
export type LayerId = string & { readonly [layerKind]: 'layer' };

/** A change to a filesystem: entries in canonical order (see `compareEntries`), at most one per kind and path. */
export type Layer = { readonly id: LayerId; readonly entries: readonly Entry[] };

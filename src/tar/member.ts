import { LapidaryError, quoted } from '../errors/index.ts';

/** One member of an archive without its data. Names are path texts, see `decodePathText`. */
export type TarMember = {
  /** As it stands in the archive: not made relative, not checked. See `cleanMemberPath`. */
  readonly path: string;
  readonly type: 'file' | 'dir' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo';
  /** 0..0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, may be negative. */
  readonly mtime: number;
  /** 0..999_999_999, added to `mtime`. */
  readonly mtimeNs: number;
  /** Bytes of data that follow; 0 for all but files. */
  readonly size: number;
  /** Target of a symlink or hardlink. */
  readonly link?: string;
  /** Of a char or block device. */
  readonly major?: number;
  readonly minor?: number;
  /** Absent when there are none. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
};

export const BLOCK = 512;
/** Longest path or link target, in bytes: what Linux can handle. */
export const MAX_PATH_BYTES = 4096;
/** Largest PAX header that is read. */
export const MAX_PAX_BYTES: number = 1024 * 1024;

/** The two zero blocks at the end of an archive. */
export const END: Uint8Array = new Uint8Array(2 * BLOCK);

/** How many zero bytes follow `size` bytes of data. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** Which member of which archive is wrong, and where its header begins. */
export function tarError(
  reason: string,
  at: { readonly offset: number; readonly name?: string },
): LapidaryError {
  const where = at.name === undefined ? 'tar archive' : `tar member ${quoted(at.name)}`;
  return new LapidaryError('TAR_INVALID', `${where} at offset ${at.offset}: ${reason}`);
}

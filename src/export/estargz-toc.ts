import { createHash, type Hash } from 'node:crypto';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import type { TarMember } from '../tar/index.ts';

/**
 * A line of the table of contents. Fields in the order they are written; absent ones are zero or unknown.
 * Source: stargz-snapshotter, docs/estargz.md, "TOC and TOCEntries".
 */
export type TocEntry = {
  readonly name: string;
  readonly type: 'dir' | 'reg' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'chunk';
  readonly size?: number;
  readonly modtime?: string;
  readonly linkName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** Base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Of the whole file. */
  readonly digest?: string;
  /** Of the gzip member that begins with this chunk, in the blob. */
  readonly offset?: number;
  readonly chunkOffset?: number;
  /** Absent for the last chunk of a file. */
  readonly chunkSize?: number;
  readonly chunkDigest?: string;
};

/** What the table says of a member, but for where its contents are. @throws LapidaryError UNSUPPORTED for a name that is no text */
export function tocEntry(member: TarMember, digest: Digest | undefined): TocEntry {
  const { path, type, mode, uid, gid, size, link, xattrs } = member;
  const modtime = formatTime(member);
  return {
    name: checkedText(path, tocName(member)),
    type: type === 'file' ? 'reg' : type,
    ...(size === 0 ? {} : { size }),
    ...(modtime === undefined ? {} : { modtime }),
    ...(link === undefined ? {} : { linkName: checkedText(path, link) }),
    mode: mode & 0o7777,
    uid,
    gid,
    ...(type === 'char' || type === 'block'
      ? { devMajor: member.major ?? 0, devMinor: member.minor ?? 0 }
      : {}),
    ...(xattrs === undefined ? {} : { xattrs: base64Values(path, xattrs) }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** As it stands in the tar. */
function tocName({ path, type }: TarMember): string {
  return type === 'dir' ? `${path === '' ? '.' : path}/` : path;
}

/** JSON holds text only; a reader would see another name than the tar has. */
function checkedText(path: string, text: string): string {
  if (text.isWellFormed()) return text;
  throw new LapidaryError(
    'UNSUPPORTED',
    `eStargz cannot hold ${quoted(path)}: a name or link target of it is not UTF-8`,
    { hint: 'rename the file, or use compression=gzip' },
  );
}

function base64Values(path: string, xattrs: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  const values = [...xattrs].map(([name, value]) => {
    const base64 = Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64');
    return [checkedText(path, name), base64] as const;
  });
  return Object.fromEntries(values);
}

/** RFC 3339 with as many digits of the second as there are; `undefined` for 1970, and for years it cannot say. */
function formatTime({ mtime, mtimeNs }: TarMember): string | undefined {
  if ((mtime === 0 && mtimeNs === 0) || mtime < -62_135_596_800 || mtime >= 253_402_300_800) return undefined;
  const seconds = new Date(mtime * 1000).toISOString().slice(0, 19);
  const fraction = String(mtimeNs).padStart(9, '0').replace(/0+$/, '');
  return `${seconds}${fraction === '' ? '' : `.${fraction}`}Z`;
}

const PIECE = 64 * 1024;

/** The table as JSON text, gathered in large pieces. */
export class TocText {
  readonly #hash: Hash = createHash('sha256');
  readonly #pieces: Buffer[] = [];
  #text = '{"version":1,"entries":[';
  #empty = true;
  size = 0;

  add(entry: TocEntry): void {
    this.#text += `${this.#empty ? '' : ','}${JSON.stringify(entry)}`;
    this.#empty = false;
    if (this.#text.length >= PIECE) this.#close();
  }

  /** Ends the text; call once. */
  end(): { readonly pieces: readonly Uint8Array[]; readonly digest: Digest } {
    this.#text += ']}';
    this.#close();
    return { pieces: this.#pieces, digest: `sha256:${this.#hash.digest('hex')}` as Digest };
  }

  #close(): void {
    const piece = Buffer.from(this.#text, 'utf8');
    this.#hash.update(piece);
    this.#pieces.push(piece);
    this.size += piece.length;
    this.#text = '';
  }
}

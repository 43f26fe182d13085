import { LapidaryError, quoted } from '../errors/index.ts';
import { type Digest, isDigest } from '../oci/index.ts';
import type { ContentRef, Entry, Inode, Metadata } from './entry.ts';

type Row = readonly unknown[];

/** Hands out where contents are, in the order of the files of the table; `path` is the entry's. */
export type ContentPlaces = (path: string) => ContentRef;

/** `places` are lists of places, each read when it is needed. @throws LapidaryError STORE_CORRUPT */
export function contentPlaces(names: unknown, places: readonly (() => unknown)[]): ContentPlaces {
  const sources = asRow(names).map((name) => /^(pack|tree) ([A-Za-z0-9._-]+)$/.exec(asText(name)));
  let rows: Row = [];
  let [list, next] = [0, 0];
  return (path) => {
    if (next === rows.length) [rows, next] = [asRow(places[list++]?.()), 0];
    const [source, at = path] = asRow(rows[next++]);
    const [, kind, id = ''] = sources[asCount(source)] ?? [];
    if (kind === 'pack') return { kind, pack: id, offset: asCount(at) };
    if (kind === 'tree') return { kind, tree: id, path: asPath(at) };
    throw corrupt(source);
  };
}

/** @throws LapidaryError STORE_CORRUPT */
export function readRow(value: unknown, content: ContentPlaces): Entry {
  const row = asRow(value);
  const path = asPath(row[1]);
  switch (row[0]) {
    case 'w':
      return { kind: 'whiteout', path };
    case 'o':
      return { kind: 'opaque', path };
    case 'h':
      return { kind: 'hardlink', path, target: asPath(row[2]) };
    default:
      return { kind: 'node', path, node: readNode(row, () => content(path)) };
  }
}

function readNode(row: Row, content: () => ContentRef): Inode {
  const metadata = readMetadata(row);
  switch (row[0]) {
    case 'f':
      return {
        type: 'file',
        ...metadata,
        size: asCount(row[8]),
        digest: asDigest(row[9]),
        content: content(),
      };
    case 'd':
      return { type: 'dir', ...metadata };
    case 'l':
      return { type: 'symlink', ...metadata, target: asText(row[8]) };
    case 'c':
      return { type: 'char', ...metadata, major: asCount(row[8]), minor: asCount(row[9]) };
    case 'b':
      return { type: 'block', ...metadata, major: asCount(row[8]), minor: asCount(row[9]) };
    case 'p':
      return { type: 'fifo', ...metadata };
    default:
      throw corrupt(row[0]);
  }
}

function readMetadata(row: Row): Metadata {
  const [, , mode, uid, gid, mtime, mtimeNs, xattrs] = row;
  if (!Number.isSafeInteger(mtime)) throw corrupt(mtime);
  const metadata = {
    mode: asCount(mode, 0o7777),
    uid: asCount(uid, 0xffffffff),
    gid: asCount(gid, 0xffffffff),
    mtime: mtime as number,
    mtimeNs: asCount(mtimeNs, 999_999_999),
  };
  if (xattrs === 0) return metadata;
  const pairs = asRow(xattrs).map((pair): [string, Uint8Array] => {
    const [name, value] = asRow(pair);
    return [asText(name), new Uint8Array(Buffer.from(asText(value), 'base64'))];
  });
  return { ...metadata, xattrs: new Map(pairs) };
}

function asRow(value: unknown): Row {
  if (Array.isArray(value)) return value;
  throw corrupt(value);
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  throw corrupt(value);
}

function asCount(value: unknown, max: number = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw corrupt(value);
}

function asDigest(value: unknown): Digest {
  const text = asText(value);
  if (isDigest(text)) return text;
  throw corrupt(value);
}

function asPath(value: unknown): string {
  const path = asText(value);
  if (path === '' || !/(?:^|\/)(?:\.{0,2})(?:\/|$)|\0/.test(path)) return path;
  throw corrupt(value);
}

function corrupt(value: unknown): LapidaryError {
  const what = quoted(JSON.stringify(value) ?? 'nothing');
  return new LapidaryError('STORE_CORRUPT', `the table of a stored layer holds ${what} where it cannot`, {
    hint: 'build again with --no-cache',
  });
}

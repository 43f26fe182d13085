import { LapidaryError, quoted } from '../errors/index.ts';
import { sha256 } from '../oci/index.ts';
import type { ContentRef, Entry, Inode, Layer, LayerId, Metadata } from './entry.ts';
import { contentPlaces, readRow } from './layer-rows.ts';
import { compareEntries, sortEntries } from './order.ts';

/*
 * The durable form of a layer, JSON lines: a head, then a line per entry (the canonical table over which the ID is
 * taken), then an empty line, then the sources of contents, then a line that places every file's contents.
 */
const HEAD = '["lapidary-layer",1]';

/** The ID of a set of entries, in any order. @throws Error when a file has no digest */
export function layerId(entries: readonly Entry[]): LayerId {
  return sha256<LayerId>(canonicalTable(sortEntries(entries)));
}

/** @throws Error when a content reference is not durable (in memory or on the host) */
export function encodeLayer(layer: Layer): Uint8Array {
  const sources = new Map<string, number>();
  const places: (readonly [number, number | string])[] = [];
  for (const entry of layer.entries) {
    if (entry.kind === 'node' && entry.node.type === 'file')
      places.push(placeOf(entry.node.content, sources));
  }
  const names = JSON.stringify([...sources.keys()]);
  return new TextEncoder().encode(`${canonicalTable(layer.entries)}\n${names}\n${JSON.stringify(places)}\n`);
}

/** Verifies the ID and every field. @throws LapidaryError STORE_CORRUPT */
export function decodeLayer(bytes: Uint8Array, expectId?: LayerId): Layer {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const end = text.indexOf('\n\n');
  const table = text.slice(0, end + 1);
  const id = sha256<LayerId>(table);
  if (end < 0 || (expectId !== undefined && id !== expectId))
    throw corrupt(`is not ${expectId ?? 'a layer'}`);
  const [names = '', places = ''] = text.slice(end + 2).split('\n');
  const content = contentPlaces(parseJson(names), parseJson(places));
  const lines = table.split('\n');
  if (lines[0] !== HEAD) throw corrupt('has an unknown form');
  const rows = parseJson(`[${lines.slice(1).filter(Boolean).join(',')}]`) as unknown[];
  const entries = rows.map((row) => readRow(row, content));
  for (let i = 1; i < entries.length; i++) {
    const [before, after] = [entries[i - 1], entries[i]];
    if (before && after && compareEntries(before, after) >= 0)
      throw corrupt(`is out of order at ${quoted(after.path)}`);
  }
  return { id, entries };
}

function canonicalTable(entries: readonly Entry[]): string {
  return `${[HEAD, ...entries.map((entry) => JSON.stringify(rowOf(entry)))].join('\n')}\n`;
}

function rowOf(entry: Entry): readonly unknown[] {
  switch (entry.kind) {
    case 'whiteout':
      return ['w', entry.path];
    case 'opaque':
      return ['o', entry.path];
    case 'hardlink':
      return ['h', entry.path, entry.target];
    case 'node':
      return nodeRow(entry.path, entry.node);
  }
}

const LETTERS = { file: 'f', dir: 'd', symlink: 'l', char: 'c', block: 'b', fifo: 'p' } as const;

/** Letter, path, five numbers, extended attributes (0 for none), then what the type needs. */
function nodeRow(path: string, node: Inode): readonly unknown[] {
  const head = [
    LETTERS[node.type],
    path,
    node.mode,
    node.uid,
    node.gid,
    node.mtime,
    node.mtimeNs,
    xattrRow(node),
  ];
  switch (node.type) {
    case 'file':
      if (node.digest === undefined) throw new Error(`no digest for ${path}`);
      return [...head, node.size, node.digest];
    case 'symlink':
      return [...head, node.target];
    case 'char':
    case 'block':
      return [...head, node.major, node.minor];
    case 'dir':
    case 'fifo':
      return head;
  }
}

function xattrRow({ xattrs }: Metadata): unknown {
  if (xattrs === undefined || xattrs.size === 0) return 0;
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
}

function placeOf(content: ContentRef, sources: Map<string, number>): readonly [number, number | string] {
  const number = (source: string): number => {
    const known = sources.get(source) ?? sources.size;
    sources.set(source, known);
    return known;
  };
  switch (content.kind) {
    case 'pack':
      return [number(`pack ${content.pack}`), content.offset];
    case 'tree':
      return [number(`tree ${content.tree}`), content.path];
    case 'bytes':
    case 'host':
      throw new Error(`a stored layer cannot refer to ${content.kind} contents`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt('is not complete');
  }
}

function corrupt(what: string): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `the table of a stored layer ${what}`, {
    hint: 'build again with --no-cache',
  });
}

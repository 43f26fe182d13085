import { LapidaryError, quoted } from '../errors/index.ts';
import { hexOf, sha256 } from '../oci/index.ts';
import type { ContentRef, Entry, Inode, Layer, LayerId } from './entry.ts';
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
  return joinTable(tableParts(canonicalTable(layer.entries), layer.entries), '');
}

/**
 * The table of a layer whose contents are in an unpacked tree, from sorted entries that do not name that tree
 * (`tree: ''`): the ID does not depend on where contents are. `joinTable` puts the name in.
 */
export function treeTable(entries: readonly Entry[]): { readonly id: LayerId; readonly table: TableParts } {
  const text = canonicalTable(entries);
  return { id: sha256<LayerId>(text), table: tableParts(text, entries) };
}

/** A layer in a tree that is called by the hex of its ID; entries in any order. */
export function encodeTree(collected: readonly Entry[]): {
  readonly id: LayerId;
  readonly bytes: Uint8Array;
} {
  const { id, table } = treeTable(sortEntries(collected));
  return { id, bytes: joinTable(table, hexOf(id)) };
}

/** An encoded layer but for the name of its own tree. */
export type TableParts = {
  readonly table: Uint8Array;
  readonly sources: readonly string[];
  readonly places: Uint8Array;
};

/** The encoded layer whose own contents are in the tree of this name. */
export function joinTable({ table, sources, places }: TableParts, tree: string): Uint8Array {
  const names = sources.map((source) => (source === OWN_TREE ? `${OWN_TREE}${tree}` : source));
  return Buffer.concat([table, Buffer.from(`\n${JSON.stringify(names)}\n`), places]);
}

const OWN_TREE = 'tree ';

function tableParts(table: string, entries: readonly Entry[]): TableParts {
  const sources = new Map<string, number>();
  const places: string[] = [];
  for (const entry of entries) {
    if (entry.kind === 'node' && entry.node.type === 'file')
      places.push(placeText(entry.path, entry.node.content, sources));
  }
  return {
    table: Buffer.from(table),
    sources: [...sources.keys()],
    places: Buffer.from(`[${places.join(',')}]\n`),
  };
}

/** The ID of an encoded layer, which is looked at no further. @throws LapidaryError STORE_CORRUPT */
export function tableId(bytes: Uint8Array): LayerId {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf('\n\n');
  if (end < 0) throw corrupt('is not complete');
  return sha256<LayerId>(bytes.subarray(0, end + 1));
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
  const lines: string[] = [HEAD];
  for (const entry of entries) lines.push(lineOf(entry));
  return `${lines.join('\n')}\n`;
}

function lineOf(entry: Entry): string {
  switch (entry.kind) {
    case 'whiteout':
      return JSON.stringify(['w', entry.path]);
    case 'opaque':
      return JSON.stringify(['o', entry.path]);
    case 'hardlink':
      return JSON.stringify(['h', entry.path, entry.target]);
    case 'node':
      return nodeLine(entry.path, entry.node);
  }
}

const LETTERS = { file: 'f', dir: 'd', symlink: 'l', char: 'c', block: 'b', fifo: 'p' } as const;

/**
 * Letter, path, five numbers, extended attributes (0 for none), then what the type needs; as `JSON.stringify` would write
 * it, which takes three times as long for a whole row.
 */
function nodeLine(path: string, node: Inode): string {
  const { mode, uid, gid, mtime, mtimeNs } = node;
  const name = JSON.stringify(path);
  const xattrs = node.xattrs === undefined || node.xattrs.size === 0 ? '0' : xattrText(node.xattrs);
  const head = `["${LETTERS[node.type]}",${name},${mode},${uid},${gid},${mtime},${mtimeNs},${xattrs}`;
  switch (node.type) {
    case 'file':
      if (node.digest === undefined) throw new Error(`no digest for ${path}`);
      return `${head},${node.size},"${node.digest}"]`;
    case 'symlink':
      return `${head},${JSON.stringify(node.target)}]`;
    case 'char':
    case 'block':
      return `${head},${node.major},${node.minor}]`;
    case 'dir':
    case 'fifo':
      return `${head}]`;
  }
}

function xattrText(xattrs: ReadonlyMap<string, Uint8Array>): string {
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(sorted.map(([name, value]) => [name, Buffer.from(value).toString('base64')]));
}

/** `[source,offset]` in a pack, `[source,path]` in a tree, or `[source]` where the path there is the entry's own. */
function placeText(path: string, content: ContentRef, sources: Map<string, number>): string {
  switch (content.kind) {
    case 'pack':
      return `[${numberOf(`pack ${content.pack}`, sources)},${content.offset}]`;
    case 'tree': {
      const source = numberOf(`${OWN_TREE}${content.tree}`, sources);
      return content.path === path ? `[${source}]` : `[${source},${JSON.stringify(content.path)}]`;
    }
    case 'bytes':
    case 'host':
      throw new Error(`a stored layer cannot refer to ${content.kind} contents`);
  }
}

function numberOf(source: string, sources: Map<string, number>): number {
  const known = sources.get(source) ?? sources.size;
  sources.set(source, known);
  return known;
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

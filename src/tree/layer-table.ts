import { createHash } from 'node:crypto';
import { hexOf } from '../oci/index.ts';
import type { ContentRef, Entry, Inode, LayerId } from './entry.ts';
import { sortEntries } from './order.ts';
import { type Steps, sliceSteps } from './steps.ts';

/*
 * The durable form of a layer, JSON lines: a head, then a line per entry (the canonical table over which the ID is
 * taken), then an empty line, then the sources of contents, then lines that place the contents of every file, some
 * hundred in each.
 */
export const HEAD = '["lapidary-layer",1]';

/** The canonical table of a layer, in pieces. */
export type LayerTable = { readonly id: LayerId; readonly lines: readonly Uint8Array[] };

/** The table of entries in canonical order. @throws Error when a file has no digest */
export function* tabulate(entries: readonly Entry[]): Steps<LayerTable> {
  const lines: Uint8Array[] = [];
  const hash = createHash('sha256');
  const add = (text: string): void => {
    const bytes = Buffer.from(`${text}\n`);
    hash.update(bytes);
    lines.push(bytes);
  };
  add(HEAD);
  yield* sliceSteps(entries, (slice) => add(slice.map(lineOf).join('\n')));
  return { id: `sha256:${hash.digest('hex')}` as LayerId, lines };
}

/**
 * A layer as it is stored, in pieces, from its table and its entries in canonical order.
 * @throws Error when a content reference is not durable (in memory or on the host)
 */
export function* encodeLayer(table: LayerTable, entries: readonly Entry[]): Steps<readonly Uint8Array[]> {
  return joinTable(yield* tableParts(table, entries), '');
}

/**
 * The table of a layer whose contents are in an unpacked tree, from sorted entries that do not name that tree
 * (`tree: ''`): the ID does not depend on where contents are. `joinTable` puts the name in.
 */
export function* treeTable(
  entries: readonly Entry[],
): Steps<{ readonly id: LayerId; readonly table: TableParts }> {
  const table = yield* tabulate(entries);
  return { id: table.id, table: yield* tableParts(table, entries) };
}

/** A layer in a tree that is called by the hex of its ID; entries in any order. */
export function* encodeTree(
  collected: readonly Entry[],
): Steps<{ readonly id: LayerId; readonly pieces: readonly Uint8Array[] }> {
  const { id, table } = yield* treeTable(yield* sortEntries(collected));
  return { id, pieces: joinTable(table, hexOf(id)) };
}

/** An encoded layer but for the name of its own tree. */
export type TableParts = {
  readonly lines: readonly Uint8Array[];
  readonly sources: readonly string[];
  readonly places: readonly Uint8Array[];
};

/** The encoded layer, in pieces, whose own contents are in the tree of this name. */
export function joinTable({ lines, sources, places }: TableParts, tree: string): readonly Uint8Array[] {
  const names = sources.map((source) => (source === OWN_TREE ? `${OWN_TREE}${tree}` : source));
  return [...lines, Buffer.from(`\n${JSON.stringify(names)}\n`), ...places];
}

const OWN_TREE = 'tree ';

function* tableParts({ lines }: LayerTable, entries: readonly Entry[]): Steps<TableParts> {
  const sources = new Map<string, number>();
  const places: Uint8Array[] = [];
  yield* sliceSteps(entries, (slice) => {
    const some: string[] = [];
    for (const entry of slice) {
      if (entry.kind === 'node' && entry.node.type === 'file')
        some.push(placeText(entry.path, entry.node.content, sources));
    }
    if (some.length > 0) places.push(Buffer.from(`[${some.join(',')}]\n`));
  });
  return { lines, sources: [...sources.keys()], places };
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

import { type ContentReader, inTurns, nextTurn, turnIsOver } from '../solve/index.ts';
import { opaquePath, type TarMember, whiteoutPath } from '../tar/index.ts';
import type { Entry, FileNode, Inode, Metadata } from '../tree/index.ts';
import { type NamedFile, readFiles, streamFile } from './content-batch.ts';
import { linkBelow, orderLinks } from './order-links.ts';

/** Larger files are streamed; smaller ones are read together with their neighbours. */
const MAX_SMALL = 1024 * 1024;
/** What is held in memory at once. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const MAX_BATCH_ENTRIES = 512;

/** A member of a layer's tar. The contents of a file come at once, or as a stream when it is large. */
export type PackMember = {
  readonly member: TarMember;
  readonly file?: { readonly node: FileNode; readonly contents: Uint8Array | AsyncIterable<Uint8Array> };
};

/**
 * The members of a layer's canonical tar in their order, in groups whose small files are in memory together.
 * Streams are to be read before the next member is. The event loop has its turns between groups.
 * @throws LapidaryError STORE_CORRUPT when contents are not as long as their entry says
 */
export async function* packMembers(
  entries: readonly Entry[],
  reader: ContentReader,
): AsyncGenerator<readonly PackMember[]> {
  const { ordered, inodeOf } = await inTurns(orderLinks(entries));
  for (const batch of batches(ordered)) {
    const contents = await readFiles(smallFiles(batch), reader);
    if (turnIsOver()) await nextTurn();
    yield batch.map((entry) => {
      const member = memberOf(entry, inodeOf);
      if (entry.kind !== 'node' || entry.node.type !== 'file') return { member };
      const { node, path } = entry;
      return { member, file: { node, contents: contents.get(node) ?? streamFile({ path, node }, reader) } };
    });
  }
}

/** The member that says what an entry says. */
function memberOf(entry: Entry, inodeOf: ReadonlyMap<string, Inode>): TarMember {
  switch (entry.kind) {
    case 'node':
      return nodeMember(entry.path, entry.node);
    case 'hardlink': {
      const node = inodeOf.get(entry.path);
      if (node === undefined) throw linkBelow(entry.path, entry.target);
      return { ...metadataOf(node), path: entry.path, type: 'hardlink', size: 0, link: entry.target };
    }
    default: {
      const path = entry.kind === 'whiteout' ? whiteoutPath(entry.path) : opaquePath(entry.path);
      return { ...MARKER, path, type: 'file' };
    }
  }
}

const MARKER = { mode: 0, uid: 0, gid: 0, mtime: 0, mtimeNs: 0, size: 0 } as const;

function metadataOf({ mode, uid, gid, mtime, mtimeNs, xattrs }: Inode): Metadata {
  return { mode, uid, gid, mtime, mtimeNs, ...(xattrs === undefined ? {} : { xattrs }) };
}

function nodeMember(path: string, node: Inode): TarMember {
  const metadata = { ...metadataOf(node), path };
  switch (node.type) {
    case 'file':
      return { ...metadata, type: 'file', size: node.size };
    case 'symlink':
      return { ...metadata, type: 'symlink', size: 0, link: node.target };
    case 'char':
    case 'block':
      return { ...metadata, type: node.type, size: 0, major: node.major, minor: node.minor };
    default:
      return { ...metadata, type: node.type, size: 0 };
  }
}

/** Runs of entries whose small files fit in memory together. */
export function* batches(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, entry] of entries.entries()) {
    const size = smallSize(entry);
    if (index > start && (bytes + size > MAX_BATCH_BYTES || index - start === MAX_BATCH_ENTRIES)) {
      yield entries.slice(start, index);
      [start, bytes] = [index, 0];
    }
    bytes += size;
  }
  if (start < entries.length) yield entries.slice(start);
}

const smallSize = (entry: Entry): number =>
  entry.kind === 'node' && entry.node.type === 'file' && entry.node.size <= MAX_SMALL ? entry.node.size : 0;

export function smallFiles(batch: readonly Entry[]): NamedFile[] {
  const files: NamedFile[] = [];
  for (const entry of batch) {
    if (entry.kind !== 'node' || entry.node.type !== 'file' || entry.node.size > MAX_SMALL) continue;
    files.push({ path: entry.path, node: entry.node });
  }
  return files;
}

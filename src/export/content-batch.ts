import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { ContentReader } from '../solve/index.ts';
import type { FileNode } from '../tree/index.ts';

/** A file of a layer and the path to name in errors. */
export type NamedFile = { readonly path: string; readonly node: FileNode };

/** Bytes between two files of a pack that are cheaper to read over than to seek. */
const MAX_GAP = 64 * 1024;
/** Longest single read of neighbours. */
const MAX_RANGE = 8 * 1024 * 1024;
/** Files outside of packs that are read at once. */
const PARALLEL = 8;

/**
 * The contents of several small files, in their order. Files of one pack that lie near each other are read
 * together, so a layer's worth of small files costs a few large reads.
 * @throws LapidaryError STORE_CORRUPT when a file is not exactly as long as its node says
 */
export async function readFiles(
  files: readonly NamedFile[],
  reader: ContentReader,
): Promise<Map<FileNode, Uint8Array>> {
  const contents = new Map<FileNode, Uint8Array>();
  const single: NamedFile[] = [];
  const packed: PackedFile[] = [];
  for (const file of files) {
    const { node } = file;
    if (node.content.kind === 'bytes') contents.set(node, checkedBytes(file, node.content.bytes));
    else if (node.size === 0) contents.set(node, new Uint8Array());
    else if (node.content.kind !== 'pack') single.push(file);
    else packed.push({ ...file, pack: node.content.pack, offset: node.content.offset });
  }
  for (const range of planRanges(packed)) await readRange(range, reader, contents);
  for (let at = 0; at < single.length; at += PARALLEL) {
    const some = single.slice(at, at + PARALLEL);
    const read = await Promise.all(some.map((file) => readWhole(file, reader)));
    some.forEach((file, index) => contents.set(file.node, read[index] ?? new Uint8Array()));
  }
  return contents;
}

type PackedFile = NamedFile & { readonly pack: string; readonly offset: number };

/** Groups files into runs of one pack, each sorted by offset, short enough for one read. */
export function planRanges(files: readonly PackedFile[]): PackedFile[][] {
  const sorted = files.toSorted((a, b) =>
    a.pack === b.pack ? a.offset - b.offset : a.pack < b.pack ? -1 : 1,
  );
  const ranges: PackedFile[][] = [];
  let end = 0;
  for (const file of sorted) {
    const range = ranges.at(-1);
    const first = range?.[0];
    const near = first?.pack === file.pack && file.offset - end <= MAX_GAP;
    const short = first !== undefined && file.offset + file.node.size - first.offset <= MAX_RANGE;
    if (range && near && short) range.push(file);
    else ranges.push([file]);
    end = Math.max(near && short ? end : 0, file.offset + file.node.size);
  }
  return ranges;
}

async function readRange(
  range: readonly PackedFile[],
  reader: ContentReader,
  contents: Map<FileNode, Uint8Array>,
): Promise<void> {
  const [first] = range;
  if (first === undefined) return;
  const end = range.reduce((most, { offset, node }) => Math.max(most, offset + node.size), 0);
  const { digest: _digest, ...node } = first.node;
  const bytes = await readSome({ path: first.path, node: { ...node, size: end - first.offset } }, reader);
  for (const file of range) {
    const start = file.offset - first.offset;
    const slice = bytes.subarray(start, start + file.node.size);
    contents.set(file.node, checkedBytes(file, slice));
  }
}

async function readWhole(file: NamedFile, reader: ContentReader): Promise<Uint8Array> {
  return checkedBytes(file, await readSome(file, reader));
}

/** Up to one byte more than the file's size, so that too much is noticed; less when the source ends early. */
async function readSome(file: NamedFile, reader: ContentReader): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of openFile(file, reader)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > file.node.size) break;
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size);
}

/** The contents of a large file as they come. @throws LapidaryError STORE_CORRUPT when the size differs */
export async function* streamFile(file: NamedFile, reader: ContentReader): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of openFile(file, reader)) {
    size += chunk.length;
    if (size > file.node.size) break;
    yield chunk;
  }
  checkSize(file, size);
}

async function* openFile({ path, node }: NamedFile, reader: ContentReader): AsyncGenerator<Uint8Array> {
  if (node.content.kind === 'bytes') {
    yield node.content.bytes;
    return;
  }
  try {
    for await (const chunk of reader.openContent(node)) yield chunk as Uint8Array;
  } catch (error) {
    if (error instanceof LapidaryError || !isSystemError(error)) throw error;
    throw new LapidaryError(
      'STORE_CORRUPT',
      `the contents of ${quoted(path)} cannot be read: ${messageOf(error)}`,
      { cause: error, hint: 'build again with --no-cache, or remove the store' },
    );
  }
}

const isSystemError = (error: unknown): boolean => error instanceof Error && 'syscall' in error;

function checkedBytes(file: NamedFile, bytes: Uint8Array): Uint8Array {
  checkSize(file, bytes.length);
  return bytes;
}

function checkSize({ path, node }: NamedFile, size: number): void {
  if (size === node.size) return;
  const found = size > node.size ? 'longer' : `only ${size} bytes`;
  throw new LapidaryError(
    'STORE_CORRUPT',
    `the contents of ${quoted(path)} should have ${node.size} bytes but are ${found}`,
    { hint: 'build again with --no-cache, or remove the store' },
  );
}

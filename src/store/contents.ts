import { createReadStream } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { LapidaryError } from '../errors/index.ts';
import type { ByteRange, StorePaths } from '../solve/index.ts';
import { encodePathText } from '../tar/index.ts';
import type { FileNode } from '../tree/index.ts';

/** Small files that lie together come in one piece, which then need not be put together from several. */
const READ_SIZE = 1024 * 1024;

type Places = Pick<StorePaths, 'packs' | 'trees'>;

/** The bytes of a file of a layer, or of a part of it, wherever they are. */
export function openContent(
  paths: Places,
  { content, size }: FileNode,
  { offset, length }: ByteRange = { offset: 0, length: size },
): Readable {
  const left = Math.max(0, Math.min(length, size - offset));
  if (content.kind === 'bytes' || left === 0) {
    const part = content.kind === 'bytes' ? content.bytes.subarray(offset, offset + left) : [];
    return Readable.from(part.length === 0 ? [] : [part], { objectMode: false });
  }
  const start = (content.kind === 'pack' ? content.offset : 0) + offset;
  const end = start + left - 1;
  return createReadStream(hostPath(paths, content), { start, end, highWaterMark: Math.min(left, READ_SIZE) });
}

/** The same as a whole. @throws LapidaryError STORE_CORRUPT when they are fewer than the file has */
export async function readContent(paths: Places, { content, size }: FileNode): Promise<Uint8Array> {
  if (content.kind === 'bytes') return content.bytes;
  const path = hostPath(paths, content);
  if (content.kind !== 'pack') return readFile(path);
  await using handle = await open(path);
  const bytes = Buffer.allocUnsafe(size);
  const { bytesRead } = await handle.read(bytes, 0, size, content.offset);
  if (bytesRead === size) return bytes;
  throw new LapidaryError('STORE_CORRUPT', `${path.toString()} is shorter than it should be`, {
    hint: 'build again with --no-cache',
  });
}

function hostPath(
  { packs, trees }: Places,
  content: Exclude<FileNode['content'], { kind: 'bytes' }>,
): Buffer {
  switch (content.kind) {
    case 'host':
      return Buffer.from(encodePathText(content.path));
    case 'pack':
      return Buffer.from(join(packs, content.pack));
    case 'tree':
      return Buffer.concat([Buffer.from(join(trees, content.tree, '/')), encodePathText(content.path)]);
  }
}

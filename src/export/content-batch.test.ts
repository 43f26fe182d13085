import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import type { ContentReader } from '../solve/index.ts';
import type { ContentRef, FileNode } from '../tree/index.ts';
import { planRanges, readFiles, streamFile } from './content-batch.ts';

const METADATA = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 } as const;
const PACK = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 256));

const fileAt = (offset: number, size: number, pack = 'p'): FileNode => ({
  ...METADATA,
  size,
  content: { kind: 'pack', pack, offset },
});

/** Serves ranges of one pack, and the texts of trees; counts streams. */
function packReader(pack: Buffer = PACK): ContentReader & { opened: FileNode[] } {
  const opened: FileNode[] = [];
  return {
    opened,
    openContent(file) {
      opened.push(file);
      const { content } = file;
      if (content.kind !== 'pack') return Readable.from([Buffer.from(JSON.stringify(content))]);
      return Readable.from([pack.subarray(content.offset, content.offset + file.size)]);
    },
  };
}

const named = (node: FileNode, index: number): { path: string; node: FileNode } => ({
  path: `f${index}`,
  node,
});

describe('readFiles', () => {
  test('neighbours in a pack are read with one stream, whatever their order', async () => {
    const nodes = [fileAt(500, 100), fileAt(0, 100), fileAt(100, 200), fileAt(150, 10)];
    const reader = packReader();
    const contents = await readFiles(nodes.map(named), reader);
    for (const node of nodes) {
      const { offset } = node.content as Extract<ContentRef, { kind: 'pack' }>;
      expect(Buffer.from(contents.get(node) ?? [])).toEqual(PACK.subarray(offset, offset + node.size));
    }
    expect(reader.opened).toHaveLength(1);
    expect(reader.opened[0]).toMatchObject({ size: 600, content: { offset: 0 } });
  });

  test('a synthetic range claims no digest', async () => {
    const reader = packReader();
    const node: FileNode = { ...fileAt(0, 5), digest: `sha256:${'0'.repeat(64)}` as never };
    await readFiles([named(node, 0)], reader);
    expect(reader.opened[0]).not.toHaveProperty('digest');
  });

  test('bytes in memory and empty files need no stream', async () => {
    const bytes = Buffer.from('hello');
    const inMemory: FileNode = { ...METADATA, size: 5, content: { kind: 'bytes', bytes } };
    const reader = packReader();
    const contents = await readFiles([inMemory, fileAt(9, 0)].map(named), reader);
    expect([...contents.values()].map(String)).toEqual(['hello', '']);
    expect(reader.opened).toEqual([]);
  });

  test('files outside of packs are read one by one', async () => {
    const content = { kind: 'tree', tree: 't', path: 'x' } as const;
    const node: FileNode = { ...METADATA, size: JSON.stringify(content).length, content };
    const contents = await readFiles([named(node, 0)], packReader());
    expect(String(contents.get(node))).toBe(JSON.stringify(content));
  });

  test.for([
    { name: 'a pack that is too short', nodes: [fileAt(0, 10), fileAt(10, 20)], path: 'f1', text: '5 bytes' },
    { name: 'a pack that ends before the file', nodes: [fileAt(100, 20)], path: 'f0', text: '0 bytes' },
  ])('$name is an error that names the file', async ({ nodes, path, text }) => {
    const reading = readFiles(nodes.map(named), packReader(PACK.subarray(0, 15)));
    await expect(reading).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining(path),
    });
    await expect(reading).rejects.toThrow(text);
  });

  test('a file that has more bytes than it should is an error', async () => {
    const content = { kind: 'tree', tree: 't', path: 'x' } as const;
    const reading = readFiles([{ path: 'a/b', node: { ...METADATA, size: 3, content } }], packReader());
    await expect(reading).rejects.toThrow('the contents of "a/b" should have 3 bytes but are longer');
  });
});

describe('streamFile', () => {
  test('a short stream is an error after its bytes', async () => {
    const seen: Uint8Array[] = [];
    const reading = (async () => {
      for await (const chunk of streamFile(
        { path: 'big', node: fileAt(0, 9) },
        packReader(PACK.subarray(0, 4)),
      )) {
        seen.push(chunk);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(Buffer.concat(seen)).toEqual(PACK.subarray(0, 4));
  });
});

const offsets = (nodes: readonly FileNode[]): (readonly number[])[] =>
  planRanges(
    nodes.map((node) => {
      const { pack, offset } = node.content as Extract<ContentRef, { kind: 'pack' }>;
      return { path: '', node, pack, offset };
    }),
  ).map((range) => range.map(({ offset }) => offset));

describe('planRanges', () => {
  const KIB = 1024;
  test.for([
    { name: 'nothing', nodes: [], want: [] },
    { name: 'a small gap is read over', nodes: [fileAt(0, 10), fileAt(64 * KIB, 10)], want: [[0, 64 * KIB]] },
    {
      name: 'a wide gap is not',
      nodes: [fileAt(0, 10), fileAt(64 * KIB + 11, 1)],
      want: [[0], [64 * KIB + 11]],
    },
    { name: 'packs are apart', nodes: [fileAt(0, 10, 'b'), fileAt(10, 1, 'a')], want: [[10], [0]] },
    {
      name: 'a range ends at 8 MiB',
      nodes: [fileAt(0, 8192 * KIB), fileAt(8192 * KIB, 1)],
      want: [[0], [8192 * KIB]],
    },
    {
      name: 'a file within another does not shorten what was read',
      nodes: [fileAt(0, 1000 * KIB), fileAt(5, 5), fileAt(1000 * KIB, 1)],
      want: [[0, 5, 1000 * KIB]],
    },
  ])('$name', ({ nodes, want }) => {
    expect(offsets(nodes)).toEqual(want);
  });
});

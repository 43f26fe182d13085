import { execFileSync } from 'node:child_process';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../oci/index.ts';
import type { ContentReader } from '../solve/index.ts';
import { type TarMember, TarReader } from '../tar/index.ts';
import type { Entry, FileNode, Metadata } from '../tree/index.ts';
import { measureLayer } from './compress-layer.ts';
import { packLayer } from './pack-layer.ts';
import { batches } from './pack-members.ts';

const metadata = (extra: Partial<Metadata> = {}): Metadata => ({
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 1_700_000_000,
  mtimeNs: 0,
  ...extra,
});
const dir = (path: string, extra: Partial<Metadata> = {}): Entry => ({
  kind: 'node',
  path,
  node: { type: 'dir', ...metadata(extra) },
});
const file = (path: string, text: string, extra: Partial<Metadata> = {}): Entry => {
  const bytes = Buffer.from(text);
  const node: FileNode = {
    type: 'file',
    ...metadata(extra),
    size: bytes.length,
    content: { kind: 'bytes', bytes },
  };
  return { kind: 'node', path, node };
};
const link = (path: string, target: string): Entry => ({ kind: 'hardlink', path, target });
const noReader: ContentReader = {
  openContent() {
    throw new Error('nothing to open');
  },
};

async function pack(entries: readonly Entry[], reader: ContentReader = noReader): Promise<Buffer> {
  return buffer(packLayer(entries, reader));
}

type Read = TarMember & { readonly text: string };
function unpack(tar: Uint8Array): Read[] {
  const members: { member: TarMember; text: string }[] = [];
  const reader = new TarReader({
    onMember: ({ offset: _offset, ...member }) => void members.push({ member, text: '' }),
    onData: (piece) => {
      const last = members.at(-1);
      if (last) last.text += Buffer.from(piece).toString();
    },
    onMemberEnd: () => undefined,
  });
  reader.push(tar);
  reader.end();
  return members.map(({ member, text }) => ({ ...member, text }));
}

describe('packLayer', () => {
  test('an empty layer is the end of an archive', async () => {
    expect(await pack([])).toEqual(Buffer.alloc(1024));
  });

  test('every kind of entry reads back', async () => {
    const capability = new Map([['security.capability', Uint8Array.of(1, 0, 0, 2)]]);
    const entries: Entry[] = [
      dir('', { mode: 0o1777 }),
      { kind: 'node', path: 'block', node: { type: 'block', ...metadata(), major: 8, minor: 1 } },
      dir('etc'),
      { kind: 'opaque', path: 'etc' },
      { kind: 'whiteout', path: 'etc/gone' },
      file('etc/motd', 'hello\n', { mode: 0o4755, uid: 1, gid: 2, xattrs: capability }),
      { kind: 'hardlink', path: 'etc/motd2', target: 'etc/motd' },
      { kind: 'node', path: 'null', node: { type: 'char', ...metadata(), major: 1, minor: 3 } },
      { kind: 'node', path: 'pipe', node: { type: 'fifo', ...metadata() } },
      {
        kind: 'node',
        path: 'sh',
        node: { type: 'symlink', ...metadata({ mode: 0o777 }), target: '/bin/sh' },
      },
    ];
    const read = unpack(await pack(entries));
    expect(read.map(({ path, type, link, text }) => [path, type, link ?? text])).toEqual([
      ['./', 'dir', ''],
      ['block', 'block', ''],
      ['etc/', 'dir', ''],
      ['etc/.wh..wh..opq', 'file', ''],
      ['etc/.wh.gone', 'file', ''],
      ['etc/motd', 'file', 'hello\n'],
      ['etc/motd2', 'hardlink', 'etc/motd'],
      ['null', 'char', ''],
      ['pipe', 'fifo', ''],
      ['sh', 'symlink', '/bin/sh'],
    ]);
    expect(read[4]).toMatchObject({ mode: 0, uid: 0, gid: 0, mtime: 0 });
    // containerd and Docker apply a link's own metadata to the file it names
    expect(read[6]).toMatchObject({ mode: 0o4755, uid: 1, gid: 2, mtime: 1_700_000_000 });
    expect(read[6]?.xattrs).toEqual(capability);
  });

  test('of several names the first has the contents, through links to links and in any order', async () => {
    const read = unpack(
      await pack([link('a', 'b'), link('b', 'c'), file('c', 'text', { uid: 7 }), link('d', 'c')]),
    );
    expect(read.map((member) => [member.path, member.type, member.link ?? member.text, member.uid])).toEqual([
      ['a', 'file', 'text', 7],
      ['b', 'hardlink', 'a', 7],
      ['c', 'hardlink', 'a', 7],
      ['d', 'hardlink', 'a', 7],
    ]);
    await expect(pack([link('a', 'b'), link('b', 'a')])).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('a hard link to a layer below is refused, since its metadata is not known', async () => {
    const packing = pack([{ kind: 'hardlink', path: 'b', target: 'a' }]);
    await expect(packing).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  test('the bytes are those they were when this was written', async () => {
    const entries = [dir('bin'), file('bin/é', 'x'.repeat(1000)), file(`${'long/'.repeat(40)}name`, 'y')];
    expect(sha256(await pack(entries))).toMatchInlineSnapshot(
      `"sha256:f352c5f8a3c58ba2f4054f9a7ca8674ec65454ceec211c1dae8ebbc0a498dd1b"`,
    );
  });

  test('the same bytes come from memory, from small reads and from streams', async () => {
    const texts = ['a'.repeat(10), 'b'.repeat(3_000_000), 'c'.repeat(700_000), '', 'd'.repeat(600_000)];
    const whole = Buffer.from(texts.join(''));
    let offset = 0;
    const packed = texts.map((text, index): Entry => {
      const node: FileNode = {
        type: 'file',
        ...metadata(),
        size: text.length,
        content: { kind: 'pack', pack: 'p', offset },
      };
      offset += text.length;
      return { kind: 'node', path: `f${index}`, node };
    });
    const reader: ContentReader = {
      openContent({ content, size }) {
        const start = content.kind === 'pack' ? content.offset : 0;
        const bytes = whole.subarray(start, start + size);
        return Readable.from(
          Array.from({ length: Math.ceil(size / 50_000) }, (_, at) =>
            bytes.subarray(at * 50_000, (at + 1) * 50_000),
          ),
        );
      },
    };
    const tar = await pack(packed, reader);
    expect(tar.equals(await pack(texts.map((text, index) => file(`f${index}`, text))))).toBe(true);
    expect(await measureLayer({ id: 'sha256:0' as never, entries: packed }, reader)).toEqual({
      diffId: sha256(tar),
      size: tar.length,
    });
  });

  test('chunks are about 1 MiB, and what was yielded does not change', async () => {
    const entries = Array.from({ length: 3000 }, (_, index) => file(`f${index}`, String(index).repeat(200)));
    const digests: string[] = [];
    const chunks: Uint8Array[] = [];
    for await (const chunk of packLayer(entries, noReader)) {
      chunks.push(chunk);
      digests.push(sha256(chunk));
    }
    expect(chunks.slice(0, -1).every(({ length }) => length === 1024 * 1024)).toBe(true);
    expect(chunks.map((chunk) => sha256(chunk))).toEqual(digests);
  });

  test('GNU tar lists it', async () => {
    const tar = await pack([dir('a'), file(`a/${'n'.repeat(150)}`, 'data'), file('a/ü', '')]);
    const listed = execFileSync('tar', ['-tf', '-'], { input: tar, encoding: 'utf8' });
    expect(listed.split('\n')[1]).toBe(`a/${'n'.repeat(150)}`);
  });
});

describe('batches', () => {
  test('hold at most 4 MiB of small files, in order and without loss', () => {
    const entries = Array.from({ length: 20 }, (_, index) => file(`f${index}`, 'x'.repeat(900_000)));
    const made = [...batches(entries)];
    expect(made.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4]);
    expect(made.flat()).toEqual(entries);
  });
});

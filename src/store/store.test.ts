import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DiffId, type Digest, sha256 } from '../oci/index.ts';
import { END, encodeHeader, padding, type TarMember } from '../tar/index.ts';
import { type Entry, type FileNode, Tree } from '../tree/index.ts';
import { defaultStoreRoot, openStore, type Store } from './open-store.ts';

let root: string;
let store: Store;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lapidary-store-'));
  store = await openStore(join(root, 'store'));
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

async function* stream(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

const metadata = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };
function member(path: string, text: string, more: Partial<TarMember> = {}): Buffer {
  const data = Buffer.from(text);
  const header = encodeHeader({ path, type: 'file', ...metadata, size: data.length, ...more });
  return Buffer.concat([header, data, Buffer.alloc(padding(data.length))]);
}
const tar = (...members: Buffer[]): Buffer => Buffer.concat([...members, END]);
const text = async (file: FileNode): Promise<string> =>
  Buffer.from(await store.layers.readContent(file)).toString();
function fileAt(tree: Tree, path: string): FileNode {
  const inode = tree.get(path)?.inode;
  if (inode?.type !== 'file') throw new Error(`no file ${path}`);
  return inode;
}

describe('the place of the store', () => {
  test.for<{ name: string; env: Record<string, string>; uid: number; want: string }>([
    { name: 'root', env: { HOME: '/root' }, uid: 0, want: '/var/lib/lapidary' },
    { name: 'a user', env: { HOME: '/home/u' }, uid: 1000, want: '/home/u/.local/share/lapidary' },
    {
      name: 'a relative XDG directory does not count',
      env: { HOME: '/home/u', XDG_DATA_HOME: 'data' },
      uid: 1000,
      want: '/home/u/.local/share/lapidary',
    },
    { name: 'XDG', env: { HOME: '/home/u', XDG_DATA_HOME: '/data' }, uid: 1000, want: '/data/lapidary' },
  ])('$name', ({ env, uid, want }) => {
    expect(defaultStoreRoot(env, uid)).toBe(want);
  });

  test('is readable by its owner only', async () => {
    expect((await stat(join(root, 'store'))).mode & 0o777).toBe(0o700);
  });

  test('a store of a later version is refused', async () => {
    await writeFile(join(root, 'store', 'version'), '99\n');
    await expect(openStore(join(root, 'store'))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      hint: expect.stringContaining('newer lapidary'),
    });
  });

  test('an empty version, as a power cut may leave it, is no version', async () => {
    await writeFile(join(root, 'store', 'version'), '');
    await using again = await openStore(join(root, 'store'));
    expect(await again.images.list()).toEqual([]);
    expect(await readFile(join(root, 'store', 'version'), 'utf8')).toBe('1\n');
  });

  test('a file in its place is an error that names it', async () => {
    await writeFile(join(root, 'file'), '');
    await expect(openStore(join(root, 'file'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});

describe('facts', () => {
  test('are read as they were written, the last one counts', async () => {
    await store.facts.put('k', '1');
    await store.facts.put('k', '2');
    expect(await store.facts.get('k')).toBe('2');
    expect(await store.facts.get('other')).toBeUndefined();
  });

  test.for(['', 'garbage', '["k"]', '["other","2"]', '["k",2]'])(
    'a damaged one (%j) is absent',
    async (content) => {
      await store.facts.put('k', '1');
      const hex = createHash('sha256').update('k').digest('hex');
      await writeFile(join(root, 'store', 'facts', hex.slice(0, 2), hex.slice(2)), content);
      expect(await store.facts.get('k')).toBeUndefined();
    },
  );
});

describe('blobs', () => {
  test('have the digest of their bytes', async () => {
    const stored = await store.blobs.putStream(stream('ab', 'c'), {});
    expect(stored).toEqual({ digest: sha256('abc'), size: 3 });
    expect(Buffer.from(await store.blobs.readBytes(stored.digest)).toString()).toBe('abc');
  });

  test.for<{ name: string; expect: { digest: Digest; size: number } }>([
    { name: 'another digest', expect: { digest: sha256('x'), size: 3 } },
    { name: 'too many bytes', expect: { digest: sha256('abc'), size: 2 } },
    { name: 'too few bytes', expect: { digest: sha256('abc'), size: 4 } },
  ])('$name is refused and leaves nothing', async ({ expect: promised }) => {
    await expect(store.blobs.putStream(stream('abc'), { expect: promised })).rejects.toMatchObject({
      code: 'DIGEST_MISMATCH',
    });
    expect(await store.blobs.has(promised.digest)).toBe(false);
    expect(await readdir(store.paths.work)).toEqual([]);
  });

  test('a source that fails leaves nothing', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('abc');
      throw new Error('cut off');
    }
    await expect(store.blobs.putStream(broken(), {})).rejects.toThrow('cut off');
    expect(await readdir(store.paths.work)).toEqual([]);
  });

  test('a source that cannot be read is not called a trouble of the store', async () => {
    // Opened when it is read: a stream that fails before anybody listens would end the process
    async function* missing(): AsyncGenerator<Uint8Array> {
      yield* createReadStream(join(root, 'missing')) as AsyncIterable<Uint8Array>;
    }
    await expect(store.blobs.putStream(missing(), {})).rejects.toMatchObject({ code: 'CONTEXT_UNREADABLE' });
    expect(await readdir(store.paths.work)).toEqual([]);
  });

  test('damage is found when it is read', async () => {
    const { digest } = await store.blobs.putBytes(Buffer.from('abc'));
    await writeFile(store.blobs.path(digest), 'abd');
    await expect(store.blobs.readBytes(digest)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  test('an abort ends a stream with its reason', async () => {
    const abort = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        yield Buffer.from('abc');
        abort.abort(new Error('enough'));
      }
    }
    await expect(store.blobs.putStream(endless(), { signal: abort.signal })).rejects.toThrow('enough');
    expect(await readdir(store.paths.work)).toEqual([]);
  });
});

describe('layers', () => {
  const file = (content: FileNode['content'], body: string): FileNode => ({
    type: 'file',
    ...metadata,
    size: body.length,
    digest: sha256(body),
    content,
  });
  const bytes = (body: string): FileNode => file({ kind: 'bytes', bytes: Buffer.from(body) }, body);

  test('keep contents from memory and from the host', async () => {
    await writeFile(join(root, 'host'), 'from host');
    const entries: Entry[] = [
      { kind: 'node', path: 'b', node: file({ kind: 'host', path: join(root, 'host') }, 'from host') },
      { kind: 'node', path: 'a', node: bytes('in memory') },
      { kind: 'node', path: 'empty', node: bytes('') },
    ];
    const layer = await store.layers.write(entries);
    await rm(join(root, 'host'));
    const tree = Tree.of([(await store.layers.read(layer.id)).entries]);
    expect(await Promise.all(['a', 'b', 'empty'].map((path) => text(fileAt(tree, path))))).toEqual([
      'in memory',
      'from host',
      '',
    ]);
  });

  test('contents that are larger than a buffer', async () => {
    const body = 'x'.repeat(3_000_000);
    await writeFile(join(root, 'large'), body);
    const layer = await store.layers.write([
      { kind: 'node', path: 'a', node: bytes('before') },
      { kind: 'node', path: 'large', node: file({ kind: 'host', path: join(root, 'large') }, body) },
      { kind: 'node', path: 'z', node: bytes('behind') },
    ]);
    const tree = Tree.of([layer.entries]);
    expect(await text(fileAt(tree, 'large'))).toBe(body);
    expect(await text(fileAt(tree, 'z'))).toBe('behind');
    const streamed: Buffer[] = [];
    for await (const chunk of store.layers.openContent(fileAt(tree, 'large'))) streamed.push(chunk as Buffer);
    expect(Buffer.concat(streamed).toString()).toBe(body);
  });

  test.for<{ name: string; change: (path: string) => Promise<unknown> }>([
    { name: 'other bytes', change: (path) => writeFile(path, 'x0m host!') },
    { name: 'another size', change: (path) => truncate(path, 3) },
    { name: 'gone', change: (path) => rm(path) },
  ])('a host file that is $name by now is an error and stores nothing', async ({ change }) => {
    const path = join(root, 'host');
    await writeFile(path, 'from host');
    await change(path);
    const entries: Entry[] = [{ kind: 'node', path: 'b', node: file({ kind: 'host', path }, 'from host') }];
    await expect(store.layers.write(entries)).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
    expect([...(await readdir(store.paths.work)), ...(await readdir(store.paths.packs))]).toEqual([]);
  });

  test('references into the store are kept, nothing is copied', async () => {
    const first = await store.layers.write([{ kind: 'node', path: 'a', node: bytes('abc') }]);
    const node = fileAt(Tree.of([first.entries]), 'a');
    await store.layers.write([{ kind: 'node', path: 'moved', node }]);
    expect(await readdir(store.paths.packs)).toHaveLength(1);
  });

  test('a table that is damaged is found', async () => {
    const { id } = await store.layers.write([{ kind: 'node', path: 'a', node: bytes('abc') }]);
    const table = join(store.paths.layers, id.slice(7));
    await writeFile(table, (await readFile(table, 'utf8')).replace('"a"', '"b"'));
    await expect(store.layers.read(id)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect((await store.layers.write([{ kind: 'node', path: 'a', node: bytes('abc') }])).id).toBe(id);
    expect((await store.layers.read(id)).id).toBe(id);
  });

  // Both packs had the layer's name: the table of one pointed into the pack of the other
  test('two that write one layer at once, with other contents in the store before, both have it right', async () => {
    const { entries } = await store.layers.write([{ kind: 'node', path: 'old', node: bytes('xxxxxx') }]);
    const stored = fileAt(Tree.of([entries]), 'old');
    await using other = await openStore(join(root, 'store'));
    const rows = (x: FileNode): Entry[] => [
      { kind: 'node', path: 'x', node: x },
      { kind: 'node', path: 'y', node: bytes('yyyy') },
    ];
    const written = await Promise.all([
      store.layers.write(rows(bytes('xxxxxx'))),
      other.layers.write(rows(stored)),
    ]);
    for (const layer of [...written, await store.layers.read(written[0].id)]) {
      const tree = Tree.of([layer.entries]);
      expect([await text(fileAt(tree, 'x')), await text(fileAt(tree, 'y'))]).toEqual(['xxxxxx', 'yyyy']);
    }
  });
});

describe('layer tars', () => {
  const plain = tar(
    member('d/', '', { type: 'dir', mode: 0o755, size: 0 }),
    member('d/f', 'hello'),
    member('./d/../d2', 'x'.repeat(700)).subarray(0, 0),
    member('d/.wh.gone', ''),
  );
  test.for<{
    name: string;
    pack: (bytes: Buffer) => Uint8Array;
    compression: 'gzip' | 'zstd' | 'uncompressed';
  }>([
    { name: 'uncompressed', pack: (bytes) => bytes, compression: 'uncompressed' },
    { name: 'gzip', pack: gzipSync, compression: 'gzip' },
    { name: 'zstd', pack: zstdCompressSync, compression: 'zstd' },
  ])('$name', async ({ pack, compression }) => {
    const diffId = sha256<DiffId>(plain);
    const got = await store.layers.ingestTar(stream(pack(plain)), { compression, expectDiffId: diffId });
    expect(got).toMatchObject({ diffId, size: plain.length });
    expect(got.layer.entries.map((entry) => `${entry.kind} ${entry.path}`)).toEqual([
      'node d',
      'node d/f',
      'whiteout d/gone',
    ]);
    expect(await text(fileAt(Tree.of([got.layer.entries]), 'd/f'))).toBe('hello');
  });

  test('of several members with one name the last counts', async () => {
    const { layer } = await store.layers.ingestTar(stream(tar(member('a', 'one'), member('a', 'two'))), {
      compression: 'uncompressed',
    });
    expect(await text(fileAt(Tree.of([layer.entries]), 'a'))).toBe('two');
  });

  const dir = (path: string): Buffer => member(path, '', { type: 'dir', mode: 0o755 });
  const link = (path: string, to: string): Buffer => member(path, '', { type: 'hardlink', link: to });
  test.for<{ name: string; members: Buffer[]; want: string[] }>([
    {
      name: 'what was below a directory that became a file is gone',
      members: [dir('a'), member('a/old', '1'), member('a', 'file')],
      want: ['a=file'],
    },
    {
      name: 'also when the directory itself was never a member',
      members: [member('a/old', '1'), member('a', 'file')],
      want: ['a=file'],
    },
    {
      name: 'also when it became a directory again',
      members: [dir('a'), member('a/old', '1'), member('a', 'file'), dir('a'), member('a/new', '2')],
      want: ['a/', 'a/new=2'],
    },
    {
      name: 'what comes below a file makes it a directory',
      members: [member('a/old', '1'), member('a', 'file'), member('a/new', '2')],
      want: ['a/', 'a/new=2'],
    },
    {
      name: 'a directory that comes again keeps what is in it',
      members: [dir('a'), member('a/f', '1'), dir('a')],
      want: ['a/', 'a/f=1'],
    },
    {
      name: 'a hard link keeps the file whose name was taken by another',
      members: [member('a', 'one'), link('b', 'a'), link('c', 'a'), member('a', 'two'), link('d', 'a')],
      want: ['a=two', 'b=one', 'c=one', 'd=two'],
    },
    {
      name: 'a hard link by a hard link does too',
      members: [member('x', 'one'), link('a', 'x'), link('b', 'a'), member('x', 'two'), member('a', 'three')],
      want: ['a=three', 'b=one', 'x=two'],
    },
    {
      name: 'a hard link to a file in a directory that is gone does too',
      members: [member('d/f', 'one'), link('b', 'd/f'), member('d', 'two')],
      want: ['b=one', 'd=two'],
    },
    {
      name: 'links that name each other are the file they were of',
      members: [member('x', 'one'), link('a', 'x'), link('b', 'a'), link('a', 'b')],
      want: ['a=one', 'b=one', 'x=one'],
    },
    {
      name: 'a link that comes before what it names still finds it',
      members: [link('b', 'a'), member('a', 'one')],
      want: ['a=one', 'b=one'],
    },
  ])('$name', async ({ members, want }) => {
    const { layer } = await store.layers.ingestTar(stream(tar(...members)), { compression: 'uncompressed' });
    const got: string[] = [];
    for (const { path, node } of Tree.of([layer.entries]).walk()) {
      if (path === '') continue;
      got.push(node.inode.type === 'file' ? `${path}=${await text(node.inode)}` : `${path}/`);
    }
    expect(got).toEqual(want);
  });

  test.for<{ name: string; bytes: Buffer; code: string }>([
    { name: 'a path that leads out', bytes: tar(member('../x', 'a')), code: 'TAR_INVALID' },
    {
      name: 'a hard link that leads out',
      bytes: tar(member('l', '', { type: 'hardlink', link: '../../etc/passwd' })),
      code: 'TAR_INVALID',
    },
    {
      name: 'a hard link to itself',
      bytes: tar(member('l', '', { type: 'hardlink', link: './l' })),
      code: 'TAR_INVALID',
    },
    { name: 'a root that is a file', bytes: tar(member('./', 'x')), code: 'TAR_INVALID' },
    {
      name: 'a truncated member',
      bytes: member('a', 'x'.repeat(2000)).subarray(0, 1000),
      code: 'TAR_INVALID',
    },
    { name: 'no tar at all', bytes: Buffer.alloc(1024, 'x'), code: 'TAR_INVALID' },
  ])('$name is refused and leaves nothing', async ({ bytes, code }) => {
    await expect(
      store.layers.ingestTar(stream(bytes), { compression: 'uncompressed' }),
    ).rejects.toMatchObject({ code });
    expect([...(await readdir(store.paths.work)), ...(await readdir(store.paths.packs))]).toEqual([]);
  });

  test('another diffID than promised, and damaged compression', async () => {
    await expect(
      store.layers.ingestTar(stream(plain), {
        compression: 'uncompressed',
        expectDiffId: sha256<DiffId>('x'),
      }),
    ).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await expect(
      store.layers.ingestTar(stream(gzipSync(plain).subarray(0, 60)), { compression: 'gzip' }),
    ).rejects.toMatchObject({ code: 'TAR_INVALID' });
    expect([...(await readdir(store.paths.work)), ...(await readdir(store.paths.packs))]).toEqual([]);
  });
});

describe('archives for ADD', () => {
  const archive = tar(member('f', 'hello'));
  const unpack = async (bytes: Uint8Array): Promise<string[] | undefined> => {
    const file: FileNode = {
      type: 'file',
      ...metadata,
      size: bytes.length,
      digest: sha256(bytes),
      content: { kind: 'bytes', bytes },
    };
    const entries = await store.archives.unpack(file, new AbortController().signal);
    return entries?.map((entry) => entry.path);
  };
  test.for<{ name: string; bytes: () => Uint8Array; want: string[] | undefined }>([
    { name: 'plain', bytes: () => archive, want: ['f'] },
    { name: 'gzip', bytes: () => gzipSync(archive), want: ['f'] },
    { name: 'zstd', bytes: () => zstdCompressSync(archive), want: ['f'] },
    { name: 'xz', bytes: () => execFileSync('xz', ['-c'], { input: archive }), want: ['f'] },
    { name: 'bzip2', bytes: () => execFileSync('bzip2', ['-c'], { input: archive }), want: ['f'] },
    { name: 'a text', bytes: () => Buffer.from('hello'), want: undefined },
    { name: 'an empty file', bytes: () => Buffer.from(''), want: undefined },
    { name: 'a compressed text', bytes: () => gzipSync('hello'), want: undefined },
    {
      name: 'the magic of gzip and nothing else',
      bytes: () => Buffer.from([0x1f, 0x8b, 8, 1, 2, 3]),
      want: undefined,
    },
  ])('$name', async ({ bytes, want }) => {
    expect(await unpack(bytes())).toEqual(want);
  });
});

describe('tags', () => {
  const image = { id: sha256('config'), platform: { os: 'linux', architecture: 'amd64' }, layers: [] };
  test('move, are listed in order, and go', async () => {
    await store.images.tag('docker.io/library/b:1', [image]);
    await store.images.tag('docker.io/library/a:1', [image]);
    expect((await store.images.list()).map((one) => one.reference)).toEqual([
      'docker.io/library/a:1',
      'docker.io/library/b:1',
    ]);
    expect(await store.images.get('docker.io/library/a:1')).toMatchObject({ images: [image] });
    expect(await store.images.untag('docker.io/library/a:1')).toBe(true);
    expect(await store.images.untag('docker.io/library/a:1')).toBe(false);
    expect(await store.images.get('docker.io/library/a:1')).toBeUndefined();
  });

  test('a damaged record is no tag', async () => {
    await store.images.tag('docker.io/library/a:1', [image]);
    const [name = ''] = await readdir(join(root, 'store', 'images'));
    await writeFile(
      join(root, 'store', 'images', name),
      '{"reference":"docker.io/library/a:1","taggedAt":"","images":[{}]}',
    );
    expect(await store.images.list()).toEqual([]);
  });
});

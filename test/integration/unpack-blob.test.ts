import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Compression, DiffId } from '../../src/oci/index.ts';
import { openSandbox } from '../../src/sandbox/index.ts';
import { Syscalls } from '../../src/sandbox/syscalls.ts';
import { TreeStore } from '../../src/sandbox/tree-store.ts';
import type { Runtime, Unpacked } from '../../src/solve/index.ts';
import { openStore, type Store } from '../../src/store/index.ts';
import { END, encodeHeader, padding, type TarMember } from '../../src/tar/index.ts';
import type { LayerId } from '../../src/tree/index.ts';

// A layer that is unpacked straight from its blob must be the one that is read into a pack and unpacked from there.

const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'lapidary-unpack-'));
const signal = new AbortController().signal;
const umask = process.umask(0);
let syscalls: Syscalls;
let runtime: Runtime;
let store: Store;
let other: Store;
beforeAll(async () => {
  syscalls = await Syscalls.open();
  [store, other] = await Promise.all([openStore(join(scratch, 'one')), openStore(join(scratch, 'other'))]);
  runtime = openSandbox({ paths: store.paths, layers: store.layers });
});
afterAll(async () => {
  await runtime[Symbol.asyncDispose]();
  process.umask(umask);
  rmSync(scratch, { recursive: true });
});

type Member = Partial<TarMember> & { readonly path: string; readonly data?: string | Uint8Array };

function tarOf(members: readonly Member[]): Buffer {
  const parts = members.flatMap(({ data = '', ...member }): Uint8Array[] => {
    const bytes = Buffer.from(data);
    const defaults = { type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: 1_700_000_000, mtimeNs: 0 } as const;
    const header = encodeHeader({ ...defaults, ...member, size: bytes.length });
    return [header, bytes, new Uint8Array(padding(bytes.length))];
  });
  return Buffer.concat([...parts, END]);
}

function blobOf(tar: Uint8Array, compression: Compression = 'gzip'): Parameters<typeof unpack>[0] {
  const path = join(scratch, `blob-${createHash('sha1').update(tar).update(compression).digest('hex')}`);
  const pack = { gzip: gzipSync, zstd: zstdCompressSync, uncompressed: (bytes: Buffer) => bytes }[
    compression
  ];
  writeFileSync(path, pack(Buffer.from(tar)));
  const diffId = `sha256:${createHash('sha256').update(tar).digest('hex')}` as DiffId;
  return { path, compression, diffId };
}

async function unpack(
  blob: { readonly path: string; readonly compression: Compression; readonly diffId: DiffId },
  below: readonly LayerId[] = [],
  stop: AbortSignal = signal,
): Promise<Unpacked | undefined> {
  return runtime.unpack({ blob, below }, { signal: stop });
}

/** The same layer by way of a pack, in the other store; its ID. */
async function unpackPlanned(tar: Uint8Array, below: readonly LayerId[] = []): Promise<LayerId> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield tar;
  }
  const { layer } = await other.layers.ingestTar(source(), { compression: 'uncompressed' });
  const trees = new TreeStore(syscalls, other.paths, true);
  await trees.prepare([...below, layer.id], other.paths.work, signal);
  return layer.id;
}

/** All that there is to know of a tree but the times of access and change. */
function listing(of: Store, id: LayerId): string {
  const format = '%P|%y|%m|%U:%G|%T@|%s|%l|%n\\n';
  const tree = join(of.paths.trees, treeOf(of, id));
  const find = execFileSync('find', ['.', '-not', '-type', 'd', '-printf', format], {
    cwd: tree,
    encoding: 'latin1',
  }).replaceAll(/\|c\|0\|0:0\|[0-9.]+/g, '|whiteout');
  const directories = execFileSync('find', ['.', '-type', 'd', '-printf', '%P|%m|%U:%G|%T@\\n'], {
    cwd: tree,
    encoding: 'latin1',
  });
  const contents = execFileSync('sh', ['-c', 'find . -type f -print0 | sort -z | xargs -0r sha256sum'], {
    cwd: tree,
    encoding: 'latin1',
  });
  const paths = execFileSync('find', ['.', '-print'], { cwd: tree, encoding: 'latin1' }).split('\n').sort();
  const xattrs = paths.flatMap((path) => {
    const host = Buffer.from(join(tree, path), 'latin1');
    return path === ''
      ? []
      : syscalls.listXattrs(host).map((name) => [path, name, syscalls.getXattr(host, name)]);
  });
  const lines = `${find}${directories}`.split('\n').sort().join('\n');
  return `${lines}\n${contents}\n${JSON.stringify(xattrs)}`;
}

/** Trees of layers with gaps are not called by the layer's ID. */
function treeOf(of: Store, id: LayerId): string {
  const names = readdirSync(of.paths.trees);
  const own = id.slice('sha256:'.length);
  return names.includes(own)
    ? own
    : (names.find((name) => !knownTrees.has(`${of.paths.trees}/${name}`)) ?? own);
}
const knownTrees = new Set<string>();
function remember(): void {
  for (const { paths } of [store, other])
    for (const name of readdirSync(paths.trees)) knownTrees.add(`${paths.trees}/${name}`);
}

const big = Buffer.alloc(3_000_000, 'lapidary ');

describe('a layer that is unpacked from its blob', () => {
  test.for<{ name: string; members: Member[] }>([
    { name: 'nothing', members: [] },
    { name: 'a file without a directory', members: [{ path: 'a', data: 'x' }] },
    {
      name: 'owners, modes and times',
      members: [
        { path: 'd', type: 'dir', mode: 0o2775, uid: 7, gid: 8 },
        { path: 'd/suid', data: 'x', mode: 0o4755, uid: 1000, gid: 1000, mtimeNs: 123_456_789 },
        { path: 'd/none', data: '', mode: 0, mtime: -5 },
      ],
    },
    {
      name: 'files over several pieces, and empty ones between them',
      members: [
        { path: 'e1' },
        { path: 'big', data: big },
        { path: 'e2' },
        { path: 'big2', data: big.subarray(1) },
        { path: 'e3' },
      ],
    },
    {
      // Far more than the reader may be ahead
      name: 'more files than one thread makes while they are read',
      members: Array.from({ length: 12_000 }, (_, i) => ({
        path: `many/d${i % 7}/e${Math.floor(i / 50)}/${i}`,
        data: Buffer.alloc(1024, `${i} `),
        uid: i % 3,
      })),
    },
    {
      name: 'links, devices, pipes',
      members: [
        { path: 'd', type: 'dir', mode: 0o755 },
        { path: 'd/f', data: 'contents' },
        { path: 'hard', type: 'hardlink', link: 'd/f' },
        { path: 'soft', type: 'symlink', link: 'd/f', mode: 0o777 },
        { path: 'dev', type: 'char', major: 1, minor: 3, mode: 0o666 },
        { path: 'pipe', type: 'fifo', mode: 0o600 },
      ],
    },
    {
      name: 'a directory that comes after its files',
      members: [
        { path: 'd/e/f', data: 'x' },
        { path: 'd/e', type: 'dir', mode: 0o700, mtime: 5 },
        { path: 'd', type: 'dir', mode: 0o711, mtime: 6 },
      ],
    },
    {
      name: 'whiteouts and an opaque directory',
      members: [
        { path: 'd', type: 'dir', mode: 0o755 },
        { path: 'd/.wh.gone' },
        { path: 'd/o', type: 'dir', mode: 0o755 },
        { path: 'd/o/.wh..wh..opq' },
        { path: 'd/o/new', data: 'new' },
      ],
    },
    {
      name: 'names that are not UTF-8, and extended attributes',
      members: [
        { path: 'caf\udcc3', data: 'x' },
        { path: 'x', data: 'y', xattrs: new Map([['user.color', Buffer.from('red')]]) },
      ],
    },
    {
      name: 'a file below a symbolic link of the same layer takes its place',
      members: [
        { path: 'd', type: 'symlink', link: '/etc' },
        { path: 'd/passwd', data: 'not that one' },
      ],
    },
  ])('$name', async ({ members }) => {
    const tar = tarOf([{ path: './', type: 'dir', mode: 0o755 }, ...members]);
    const found = await unpack(blobOf(tar));
    const id = await unpackPlanned(tar);
    expect(found).toEqual({ layer: id, size: tar.length });
    expect(listing(store, id)).toBe(listing(other, id));
    remember();
    expect((await store.layers.read(id)).entries.map((entry) => ({ ...entry, node: undefined }))).toEqual(
      (await other.layers.read(id)).entries.map((entry) => ({ ...entry, node: undefined })),
    );
    for (const entry of (await store.layers.read(id)).entries) {
      if (entry.kind !== 'node' || entry.node.type !== 'file') continue;
      const bytes = await store.layers.readContent(entry.node);
      expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(entry.node.digest);
    }
  });

  test.for(['zstd', 'uncompressed'] as const)('%s', async (compression) => {
    const tar = tarOf([{ path: `as-${compression}`, data: big }]);
    expect((await unpack(blobOf(tar, compression)))?.layer).toBe(await unpackPlanned(tar));
    remember();
  });

  test('leaves a parent that it does not describe to the layers below', async () => {
    const base = tarOf([{ path: 'p', type: 'dir', mode: 0o750, uid: 3 }]);
    const top = tarOf([{ path: 'p/f', data: 'over it' }]);
    const below = (await unpack(blobOf(base)))?.layer;
    await unpackPlanned(base);
    if (below === undefined) throw new Error('not unpacked');
    remember();
    const found = await unpack(blobOf(top), [below]);
    const id = await unpackPlanned(top, [below]);
    expect(found?.layer).toBe(id);
    expect(listing(store, id)).toContain('p|750|3:0|');
    expect(listing(store, id)).toBe(listing(other, id));
    remember();
  });
});

describe('a layer that must be seen as a whole', () => {
  test.for<{ name: string; members: Member[] }>([
    {
      name: 'a file twice',
      members: [
        { path: 'f', data: 'one' },
        { path: 'f', data: 'two' },
      ],
    },
    {
      name: 'a file that becomes a link',
      members: [
        { path: 'f', data: 'one' },
        { path: 'f', type: 'symlink', link: '/' },
      ],
    },
    {
      name: 'a directory with files that becomes a file',
      members: [
        { path: 'd/f', data: 'one' },
        { path: 'd', data: 'two' },
      ],
    },
    {
      name: 'a file below a file',
      members: [
        { path: 'f', data: 'one' },
        { path: 'f/g', data: 'two' },
      ],
    },
    {
      name: 'a link below a file',
      members: [
        { path: 'f', data: 'one' },
        { path: 'f/g', type: 'symlink', link: '/' },
      ],
    },
  ])('$name', async ({ members }) => {
    const before = readdirSync(store.paths.trees);
    expect(await unpack(blobOf(tarOf(members)))).toBeUndefined();
    expect(readdirSync(store.paths.trees)).toEqual(before);
  });
});

describe('a blob that is not what it should be', () => {
  const good = tarOf([{ path: 'f', data: big }]);
  const flipped = (bytes: Buffer): Buffer => {
    const copy = Buffer.from(bytes);
    copy.writeUInt8((copy.readUInt8(copy.length >> 1) ^ 0xff) & 0xff, copy.length >> 1);
    return copy;
  };

  test.for<{ name: string; blob: () => Parameters<typeof unpack>[0]; code: string }>([
    {
      name: 'another diff ID',
      blob: () => ({ ...blobOf(good), diffId: `sha256:${'0'.repeat(64)}` as DiffId }),
      code: 'DIGEST_MISMATCH',
    },
    {
      name: 'damaged',
      blob: () => {
        const { path, ...rest } = blobOf(good);
        writeFileSync(`${path}-bad`, flipped(gzipSync(good)));
        return { path: `${path}-bad`, ...rest };
      },
      code: 'TAR_INVALID',
    },
    {
      name: 'cut off',
      blob: () => {
        const { path, ...rest } = blobOf(good);
        writeFileSync(`${path}-cut`, gzipSync(good).subarray(0, 1000));
        return { path: `${path}-cut`, ...rest };
      },
      code: 'TAR_INVALID',
    },
    { name: 'a name with ..', blob: () => blobOf(tarOf([{ path: '../f', data: 'x' }])), code: 'TAR_INVALID' },
  ])('$name', async ({ blob, code }) => {
    const before = [readdirSync(store.paths.trees), readdirSync(store.paths.layers)];
    await expect(unpack(blob())).rejects.toMatchObject({ code });
    expect([readdirSync(store.paths.trees), readdirSync(store.paths.layers)]).toEqual(before);
  });

  test('an abort ends it', async () => {
    const stop = AbortSignal.abort(new Error('enough'));
    await expect(unpack(blobOf(good), [], stop)).rejects.toThrow('enough');
  });
});

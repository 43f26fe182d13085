import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ContentReader } from '../solve/index.ts';
import type { Entry, Inode } from '../tree/index.ts';
import { writeLocal } from './write-local.ts';

let scratch: string;
let dest: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'lapidary-local-'));
  dest = join(scratch, 'out');
});
afterEach(() => rm(scratch, { recursive: true }));

const OWN = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
const METADATA = { mode: 0o644, ...OWN, mtime: 1_600_000_000, mtimeNs: 123_456_789 };
const node = (path: string, inode: object): Entry => ({
  kind: 'node',
  path,
  node: { ...METADATA, ...inode } as Inode,
});
const dir = (path: string, mode = 0o755): Entry => node(path, { type: 'dir', mode });
const link = (path: string, target: string): Entry => node(path, { type: 'symlink', mode: 0o777, target });
const file = (path: string, text: string, extra: object = {}): Entry => {
  const bytes = Buffer.from(text);
  return node(path, { type: 'file', size: bytes.length, content: { kind: 'bytes', bytes }, ...extra });
};
const reader: ContentReader = {
  openContent: ({ size }) => Readable.from([Buffer.alloc(size - 1, 0x2a), Buffer.from('.')]),
};
const write = (entries: readonly Entry[], signal?: AbortSignal): ReturnType<typeof writeLocal> =>
  writeLocal(dest, entries, { reader, signal });

describe('writeLocal', () => {
  test('writes files, links and directories with modes and times', async () => {
    const entries = [
      dir('', 0o700),
      dir('bin', 0o555),
      file('bin/tool', 'run', { mode: 0o4755 }),
      { kind: 'hardlink', path: 'bin/tool2', target: 'bin/tool' } as const,
      link('sh', 'bin/tool'),
      file('\udcff\u00e9', 'name of bytes'),
    ];
    expect(await write(entries)).toEqual({ size: 16, warnings: [] });
    const tool = await stat(join(dest, 'bin/tool'));
    expect([tool.mode & 0o7777, tool.nlink, tool.mtimeMs]).toEqual([0o4755, 2, 1_600_000_000_123.456]);
    expect((await stat(join(dest, 'bin/tool2'))).ino).toBe(tool.ino);
    const bin = await stat(join(dest, 'bin'));
    expect([bin.mode & 0o7777, bin.mtimeMs]).toEqual([0o555, 1_600_000_000_123.456]);
    expect([await readlink(join(dest, 'sh')), (await lstat(join(dest, 'sh'))).mtimeMs]).toEqual([
      'bin/tool',
      1_600_000_000_123.456,
    ]);
    const names = await readdir(Buffer.from(dest), { encoding: 'buffer' });
    expect(names.map((name) => name.toString('latin1'))).toContain('\u00ff\u00c3\u00a9');
    await chmod(join(dest, 'bin'), 0o755);
  });

  test('streams what is large', async () => {
    const content = { kind: 'pack', pack: 'p', offset: 0 };
    await write([node('big', { type: 'file', size: 2_000_000, content })]);
    expect(await readFile(join(dest, 'big'))).toHaveLength(2_000_000);
  });

  test('replaces files and links, leaves other things and makes missing parents', async () => {
    await mkdir(dest);
    await writeFile(join(dest, 'kept'), 'kept');
    await writeFile(join(dest, 'file'), 'old');
    await symlink(join(scratch, 'outside'), join(dest, 'link'));
    await write([file('a/b/c', 'deep'), file('file', 'new'), file('link', 'now a file'), link('new', 'x')]);
    expect(await readFile(join(dest, 'kept'), 'utf8')).toBe('kept');
    expect(await readFile(join(dest, 'file'), 'utf8')).toBe('new');
    expect((await lstat(join(dest, 'link'))).isFile()).toBe(true);
    expect(await readFile(join(dest, 'a/b/c'), 'utf8')).toBe('deep');
    expect((await readdir(scratch)).includes('outside')).toBe(false);
  });

  test('twice into the same directory gives the same', async () => {
    const entries = [
      dir('d', 0o500),
      file('d/f', '1'),
      { kind: 'hardlink', path: 'd/g', target: 'd/f' } as const,
    ];
    await write(entries);
    await write(entries);
    expect((await stat(join(dest, 'd/f'))).nlink).toBe(2);
    await chmod(join(dest, 'd'), 0o755);
  });

  test('a link in the image does not lead its own files outside', async () => {
    await expect(write([link('etc', scratch), file('etc/x', 'pwned')])).rejects.toMatchObject({
      code: 'EXPORT_FAILED',
    });
    expect(await readdir(scratch)).toEqual(['out']);
  });

  test.for([
    {
      name: 'a link stands for a directory',
      entry: file('in/x', ''),
      text: 'is a symbolic link, but a directory',
    },
    {
      name: 'a link stands for an own directory',
      entry: dir('in'),
      text: 'is a symbolic link, but a directory',
    },
    { name: 'a file stands for a directory', entry: dir('file'), text: 'is a file, but a directory' },
    {
      name: 'a directory stands for a file',
      entry: file('folder', ''),
      text: 'is a directory, but no directory',
    },
  ])('where $name, it refuses', async ({ entry, text }) => {
    await mkdir(join(dest, 'folder'), { recursive: true });
    await mkdir(join(scratch, 'outside'));
    await symlink('../outside', join(dest, 'in'));
    await writeFile(join(dest, 'file'), '');
    await expect(write([entry])).rejects.toMatchObject({
      code: 'EXPORT_FAILED',
      message: expect.stringContaining(text),
      hint: 'remove it, or choose an empty directory',
    });
    expect(await readdir(join(scratch, 'outside'))).toEqual([]);
  });

  test('devices, their links and attributes are left out with a warning', async () => {
    const xattrs = new Map([['user.a', Buffer.from('b')]]);
    const entries = [
      node('null', { type: 'char', major: 1, minor: 3 }),
      { kind: 'hardlink', path: 'null2', target: 'null' } as const,
      node('pipe', { type: 'fifo' }),
      file('f', '', { xattrs }),
    ];
    expect((await write(entries)).warnings).toEqual([
      'devices and pipes that were not created: 3, such as "null"',
      'files whose extended attributes were not set: 1, such as "f"',
    ]);
    expect(await readdir(dest)).toEqual(['f']);
  });

  test('a path that is no path of a tree is refused', async () => {
    await expect(write([file('../x', '')])).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    expect(await readdir(scratch)).toEqual(['out']);
  });

  test('an abort stops it', async () => {
    const reason = new Error('enough');
    await expect(write([file('f', '')], AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

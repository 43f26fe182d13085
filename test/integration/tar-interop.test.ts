import { execFileSync } from 'node:child_process';
import type { BigIntStats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  cleanMemberPath,
  decodePathText,
  END,
  encodeHeader,
  encodePathText,
  padding,
  type TarMember,
  TarReader,
} from '../../src/tar/index.ts';

let dir: string;
beforeEach(async () => {
  dir = await fs.mkdtemp(join(tmpdir(), 'lapidary-tar-'));
});
afterEach(() => fs.rm(dir, { recursive: true, force: true }));

type ReadMember = TarMember & { readonly offset: number; readonly data: string };

function readAll(archive: Uint8Array, chunk = 10_000): ReadMember[] {
  const found: ReadMember[] = [];
  let open: (TarMember & { readonly offset: number }) | undefined;
  let data = '';
  const reader = new TarReader({
    onMember: (member) => {
      [open, data] = [member, ''];
    },
    onData: (piece) => {
      data += Buffer.from(piece).toString('latin1');
    },
    onMemberEnd: () => {
      if (open) found.push({ ...open, path: cleanMemberPath(open.path), data });
    },
  });
  for (let at = 0; at < archive.length; at += chunk) reader.push(archive.subarray(at, at + chunk));
  reader.end();
  return found;
}

/** Runs GNU tar in `dir` with the C locale. */
function tar(args: readonly string[], input?: Uint8Array): Buffer {
  return execFileSync('tar', args, {
    cwd: dir,
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input && { input }),
  });
}

const member = (path: string, change: Partial<TarMember> = {}): TarMember => ({
  path,
  type: 'file',
  mode: 0o640,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtime: 1_600_000_000,
  mtimeNs: 0,
  size: 0,
  ...change,
});

function pack(members: readonly (readonly [TarMember, string?])[]): Uint8Array {
  const parts = members.flatMap(([each, data = '']) => [
    encodeHeader({ ...each, ...(each.type === 'file' && { size: data.length }) }),
    Buffer.from(data, 'latin1'),
    new Uint8Array(padding(data.length)),
  ]);
  return Buffer.concat([...parts, END]);
}

const at = (path: string): Buffer => Buffer.concat([Buffer.from(`${dir}/`), encodePathText(path)]);
const DEEP = `${'d'.repeat(90)}/${'e'.repeat(90)}`;
const LONG = 'n'.repeat(180);

describe('archives that GNU tar made', () => {
  beforeEach(async () => {
    await fs.mkdir(join(dir, 'in', DEEP), { recursive: true });
    await fs.writeFile(join(dir, 'in', DEEP, 'f'), 'deep');
    await fs.writeFile(join(dir, 'in', LONG), 'long');
    await fs.writeFile(Buffer.from(`${dir}/in/caf\u00e9`, 'latin1'), 'latin1');
    await fs.writeFile(join(dir, 'in', 'naïve'), 'x'.repeat(70_000), { mode: 0o600 });
    await fs.utimes(join(dir, 'in', 'naïve'), 1_500_000_000, 1_500_000_000);
    await fs.symlink('t'.repeat(150), join(dir, 'in', 'symlink'));
    await fs.link(join(dir, 'in', LONG), join(dir, 'in', 'zlink'));
    execFileSync('mkfifo', [join(dir, 'in', 'fifo')]);
  });

  test.for(['gnu', 'oldgnu', 'posix'])('format %s: names, types, links, times and data', async (format) => {
    const archive = tar(['-C', 'in', '--sort=name', `--format=${format}`, '-cf', '-', '.']);
    const read = new Map(readAll(archive).map((each) => [each.path, each]));
    expect([...read.keys()].sort()).toEqual(
      ['', 'caf\udce9', 'd'.repeat(90), DEEP, `${DEEP}/f`, 'fifo', LONG, 'naïve', 'symlink', 'zlink'].sort(),
    );
    expect(read.get(`${DEEP}/f`)).toMatchObject({ type: 'file', data: 'deep', size: 4 });
    expect(read.get('caf\udce9')).toMatchObject({ data: 'latin1' });
    expect(read.get('symlink')).toMatchObject({ type: 'symlink', link: 't'.repeat(150), data: '' });
    expect(read.get('fifo')).toMatchObject({ type: 'fifo' });
    expect(read.get('zlink')).toMatchObject({ type: 'hardlink', link: `./${LONG}`, size: 0 });
    const naive = read.get('naïve');
    expect(naive).toMatchObject({ mode: 0o600, mtime: 1_500_000_000, mtimeNs: 0, data: 'x'.repeat(70_000) });
    expect(archive.subarray(naive?.offset).indexOf('x'.repeat(70_000))).toBe(0);
    const { mtimeNs } = await fs.lstat(join(dir, 'in', LONG), { bigint: true });
    const long = read.get(LONG);
    const wantNs = format === 'posix' ? Number(mtimeNs % 1_000_000_000n) : 0;
    expect(long).toMatchObject({ mtime: Number(mtimeNs / 1_000_000_000n), mtimeNs: wantNs });
  });

  test.for([
    ['ustar', `${DEEP}/f`, { path: `${DEEP}/f`, data: 'deep' }],
    ['v7', 'naïve', { path: 'naïve', type: 'file', size: 70_000 }],
  ] as const)('format %s', ([format, name, want]) => {
    expect(readAll(tar(['-C', 'in', `--format=${format}`, '-cf', '-', name]))).toMatchObject([want]);
  });

  test('a device', () => {
    expect(readAll(tar(['-C', '/dev', '-cf', '-', 'null']))).toMatchObject([
      { type: 'char', major: 1, minor: 3 },
    ]);
  });

  test.for(['gnu', 'posix'])('format %s: big and negative numbers', (format) => {
    const options = ['--owner=:4000000000', '--group=:3000000', '--mtime=1960-01-01T00:00:00Z'];
    const archive = tar(['-C', 'in', `--format=${format}`, ...options, '-cf', '-', LONG]);
    expect(readAll(archive)).toMatchObject([{ uid: 4_000_000_000, gid: 3_000_000, mtime: -315_619_200 }]);
  });

  test('a global PAX header', () => {
    const options = ['--format=posix', '--pax-option=globexthdr.name=/tmp/g,comment=hello,uid:=12'];
    expect(readAll(tar(['-C', 'in', ...options, '-cf', '-', LONG]))).toMatchObject([{ path: LONG, uid: 12 }]);
  });

  test('a volume label and concatenated archives: what follows the end is not read', () => {
    const archive = tar(['-C', 'in', '-V', 'label', '-cf', '-', LONG]);
    expect(readAll(Buffer.concat([archive, archive]))).toMatchObject([{ path: LONG, data: 'long' }]);
  });

  test.for([
    ['gnu', 'gnu', '0.0'],
    ['PAX 0.0', 'posix', '0.0'],
    ['PAX 0.1', 'posix', '0.1'],
    ['PAX 1.0', 'posix', '1.0'],
  ] as const)('sparse files in the form of %s are refused', async ([, format, version]) => {
    const file = await fs.open(join(dir, 'in', 'sparse'), 'w');
    await file.truncate(1024 * 1024);
    await file.write('x', 512 * 1024);
    await file.close();
    const options = ['-S', `--format=${format}`, `--sparse-version=${version}`];
    const archive = tar(['-C', 'in', ...options, '-cf', '-', 'sparse']);
    expect(() => readAll(archive)).toThrow(
      expect.objectContaining({
        code: 'ARCHIVE_UNSUPPORTED',
        message: 'tar member "sparse" is a sparse file',
      }),
    );
  });

  test('an archive cut off anywhere is refused, but between members', () => {
    const archive = tar(['-C', 'in', '--format=posix', '-cf', '-', LONG, 'symlink']);
    const whole = readAll(archive);
    const isBetween = (cut: number): boolean =>
      whole.some(({ offset, size }) => cut >= offset + size && cut <= offset + size + padding(size));
    const end = 512 + (whole.at(-1)?.offset ?? 0);
    for (let cut = 1; cut < end; cut++) {
      const message = messageOf(() => readAll(archive.subarray(0, cut)));
      expect(message).toMatch(isBetween(cut) ? /^$/ : /early|inside of a header/);
    }
  });
});

describe('archives for GNU tar', () => {
  test('names, types, links, modes, times and data', async () => {
    const archive = pack([
      [member('', { type: 'dir', mode: 0o755 })],
      [member('d', { type: 'dir', mode: 0o700 })],
      [member('d/plain'), 'hello'],
      [member(DEEP.slice(0, 90), { type: 'dir', mode: 0o755 })],
      [member(DEEP, { type: 'dir', mode: 0o755 })],
      [member(`${DEEP}/${'f'.repeat(120)}`, { mode: 0o4755 }), 'y'.repeat(1000)],
      [member('naïve', { mtime: 1_500_000_000, mtimeNs: 123_456_789 }), 'x'],
      [member('caf\udce9'), 'latin1'],
      [member('old', { mtime: -2, mtimeNs: 500_000_000 }), ''],
      [member('symlink', { type: 'symlink', mode: 0o777, link: 'é'.repeat(70) })],
      [member('zlink', { type: 'hardlink', link: 'd/plain' })],
      [member('fifo', { type: 'fifo' })],
    ]);
    tar(['-xpf', '-'], archive);
    const stat = (path: string): Promise<BigIntStats> => fs.lstat(at(path), { bigint: true });
    expect(await fs.readFile(at('d/plain'), 'utf8')).toBe('hello');
    expect((await stat('d')).mode & 0o7777n).toBe(0o700n);
    const long = await stat(`${DEEP}/${'f'.repeat(120)}`);
    expect([long.mode.toString(8), Number(long.size)]).toEqual(['104755', 1000]);
    expect((await stat('naïve')) as object).toHaveProperty('mtimeNs', 1_500_000_000_123_456_789n);
    expect((await stat('old')) as object).toHaveProperty('mtimeNs', -1_500_000_000n);
    expect(await fs.readFile(at('caf\udce9'), 'utf8')).toBe('latin1');
    expect(await fs.readlink(at('symlink'))).toBe('é'.repeat(70));
    expect((await stat('zlink')).ino).toBe((await stat('d/plain')).ino);
    expect((await stat('fifo')).isFIFO()).toBe(true);
  });

  test('owners and devices, as listed', () => {
    const archive = pack([
      [member('a', { uid: 4_000_000_000, gid: 2_097_152 })],
      [member('c', { type: 'char', major: 5, minor: 1 })],
      [member('b', { type: 'block', major: 4095, minor: 1_048_575, mode: 0o660 })],
    ]);
    const lines = tar(['--numeric-owner', '-tvf', '-'], archive).toString().split('\n');
    expect(lines[0]).toMatch(/^-rw-r----- 4000000000\/2097152 +0 /);
    expect(lines[1]).toMatch(/^crw-r----- .* 5,1 /);
    expect(lines[2]).toMatch(/^brw-rw---- .* 4095,1048575 /);
  });

  test('extended attributes, extracted and packed again', async () => {
    const xattrs = new Map([['user.note', Uint8Array.of(0x61, 0x0a, 0x3d)]]);
    tar(['--xattrs', '-xf', '-'], pack([[member('a', { xattrs }), 'x']]));
    expect(readAll(tar(['--xattrs', '--format=posix', '-cf', '-', 'a']))[0]?.xattrs).toEqual(xattrs);
  });

  test('the same bytes that tar itself writes for a plain member', async () => {
    await fs.writeFile(join(dir, 'f'), 'data', { mode: 0o640 });
    const options = '--format=ustar --numeric-owner --owner=0 --group=0 --mtime=@1600000000 -b1'.split(' ');
    const theirs = tar([...options, '-cf', '-', 'f']);
    const ours = pack([[member('f', { uid: 0, gid: 0 }), 'data']]);
    expect(decodePathText(ours)).toBe(decodePathText(theirs));
  });

  test('a file of more than 8 GiB keeps its size', async () => {
    const size = 8 ** 11 + 512;
    const archive = await fs.open(join(dir, 'big.tar'), 'w+');
    const header = encodeHeader(member('big', { size }));
    await archive.write(header, 0, header.length, 0);
    await archive.truncate(header.length + size + 1024); // a hole: nothing is stored
    await archive.close();
    expect(tar(['-tvf', 'big.tar', '--occurrence=1', 'big']).toString()).toContain(` ${size} `);
  });
});

function messageOf(run: () => unknown): string {
  try {
    run();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

import { describe, expect, test } from 'vitest';
import { encodeHeader } from './encode-header.ts';
import { END } from './member.ts';
import { checksum, writeOctal } from './number-field.ts';
import { encodePathText } from './path-text.ts';
import { TarReader } from './tar-reader.ts';
import { extension, file, join, rawHeader, readAll, record } from './test-archives.ts';

const bytes = encodePathText;
const raw = rawHeader;
const pax = (key: string, value: string): Uint8Array => extension('x', record(key, value));
const withMagic = (magic: string): Readonly<Record<number, string>> => ({ 257: magic });

describe('TarReader', () => {
  test('members, data, and where data begins', () => {
    const archive = join(
      encodeHeader(file('dir', { type: 'dir', mode: 0o755 })),
      encodeHeader(file('dir/a', { size: 3 })),
      bytes('abc'),
      new Uint8Array(509),
      encodeHeader(file('dir/l', { type: 'symlink', link: 'a' })),
      encodeHeader(file('dir/é', { size: 512, mtimeNs: 7 })),
      new Uint8Array(512).fill(0x7a),
      END,
    );
    for (const chunk of [1, 7, 511, 512, 513, 1024, 100_000]) {
      const read = readAll(archive, chunk);
      expect(read.map(({ member }) => [member.path, member.type, member.offset])).toEqual([
        ['dir/', 'dir', 512],
        ['dir/a', 'file', 1024],
        ['dir/l', 'symlink', 2048],
        ['dir/é', 'file', 3584],
      ]);
      expect(read.map(({ data }) => data.toString('latin1'))).toEqual(['', 'abc', '', 'z'.repeat(512)]);
    }
  });

  test.for([
    ['nothing at all', new Uint8Array()],
    ['only the end', END],
    ['one zero block', new Uint8Array(512)],
    ['zero blocks and rubbish', join(END, bytes('rubbish'))],
    ['one zero block and a part of another', new Uint8Array(700)],
  ] as const)('an archive of %s has no members', ([, archive]) => {
    expect(readAll(archive)).toEqual([]);
  });

  test('an archive may end without zero blocks, and without padding', () => {
    expect(readAll(join(encodeHeader(file('a', { size: 1 })), bytes('x')))).toHaveLength(1);
  });

  test.for([
    ['v7 file', raw({ 156: '\0', ...withMagic('\0\0\0\0\0\0\0\0') }), { path: 'n', type: 'file' }],
    [
      'v7 directory',
      raw({ 0: 'd/', 156: '\0', ...withMagic('\0\0\0\0\0\0\0\0') }),
      { path: 'd/', type: 'dir' },
    ],
    ['contiguous file', raw({ 156: '7' }), { path: 'n', type: 'file' }],
    ['prefix of ustar', raw({ 345: 'p/q' }), { path: 'p/q/n' }],
    ['no prefix in GNU headers', raw({ 345: '12345', ...withMagic('ustar  \0') }), { path: 'n' }],
    ['a full name field', raw({ 0: 'n'.repeat(100) }), { path: 'n'.repeat(100) }],
    ['bytes that are not UTF-8', raw({ 0: '\udce9' }), { path: '\udce9' }],
    ['file type bits in the mode', raw({ 100: '0100644\0' }), { mode: 0o644 }],
    ['numbers with spaces', raw({ 100: '   755 \0', 108: '  12  \0\0' }), { mode: 0o755, uid: 10 }],
    [
      'empty number fields',
      raw({ 108: '\0'.repeat(16), 136: '\0'.repeat(12) }),
      { uid: 0, gid: 0, mtime: 0 },
    ],
    ['numbers without an end', raw({ 136: '177777777777' }), { mtime: 0o177777777777 }],
    ['base-256 uid', raw({ 108: Uint8Array.of(0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xfe) }), { uid: 0xfffffffe }],
    ['negative base-256 time', raw({ 136: new Uint8Array(12).fill(0xff) }), { mtime: -1, mtimeNs: 0 }],
    [
      'sizes of others than files do not count',
      raw({ 124: '00000001000', 156: '5' }),
      { type: 'dir', size: 0 },
    ],
    ['a hard link', raw({ 156: '1', 157: 'to' }), { type: 'hardlink', link: 'to', size: 0 }],
    ['a device', raw({ 156: '3', 329: '0000005\x000000001\0' }), { type: 'char', major: 5, minor: 1 }],
    ['a fifo', raw({ 156: '6' }), { type: 'fifo' }],
    ['GNU long name', join(extension('L', 'long/name\0'), raw()), { path: 'long/name' }],
    ['GNU long link', join(extension('K', 'to/there\0'), raw({ 156: '2', 157: 'x' })), { link: 'to/there' }],
    ['a GNU volume label is no member', join(raw({ 156: 'V' }), raw()), { path: 'n' }],
    ['PAX path', join(pax('path', 'a/b/'), raw()), { path: 'a/b/' }],
    ['PAX size of no bytes', join(pax('size', '0'), raw({ 124: '00000000777' })), { size: 0 }],
    ['PAX times', join(pax('mtime', '12.034567'), raw()), { mtime: 12, mtimeNs: 34_567_000 }],
    ['more digits than nanoseconds', join(pax('mtime', '1.0000000019999'), raw()), { mtime: 1, mtimeNs: 1 }],
    [
      'a later record wins',
      join(extension('x', record('uid', '12') + record('uid', '13')), raw()),
      { uid: 13 },
    ],
    [
      'an empty record takes back',
      join(extension('x', record('uid', '12') + record('uid', '')), raw()),
      { uid: 0 },
    ],
    ['unknown records', join(pax('comment', 'hello'), raw()), { path: 'n' }],
    ['global records', join(extension('g', record('uid', '12')), raw(), raw()), { uid: 12 }],
    [
      'local records before global ones',
      join(extension('g', record('uid', '12')), pax('uid', '13'), raw()),
      { uid: 13 },
    ],
    ['a PAX header of no records', join(extension('x', ''), raw()), { path: 'n' }],
  ] as const)('reads %s', ([, archive, want]) => {
    const read = readAll(join(archive, END), 100);
    expect(read.at(-1)?.member).toMatchObject(want);
    expect(readAll(join(archive, END))).toEqual(read);
  });

  test('PAX attributes, with any bytes in them', () => {
    const xattrs = new Map([
      ['security.capability', Uint8Array.of(1, 0, 10, 61)],
      ['user.empty', new Uint8Array()],
    ]);
    const [read] = readAll(join(encodeHeader(file('a', { xattrs })), END));
    expect(read?.member.xattrs).toEqual(xattrs);
  });

  test('PAX records hold for one member only', () => {
    const read = readAll(join(pax('uid', '12'), raw(), raw(), END));
    expect(read.map(({ member }) => member.uid)).toEqual([12, 0]);
  });

  test('a checksum over signed bytes', () => {
    const block = raw({ 0: 'n\udcff' });
    writeOctal(block, 148, { length: 7, value: checksum(block, 0) - 256 });
    expect(readAll(block)[0]?.member.path).toBe('n\udcff');
  });

  test.for([
    ['rubbish', bytes('x'.repeat(512)), /offset 0: not a header: its checksum is wrong/],
    ['rubbish after a member', join(raw(), bytes('x'.repeat(512))), /offset 512: not a header/],
    ['a part of a header', raw().subarray(0, 300), /offset 300: the archive ends inside of a header/],
    [
      'missing data',
      join(encodeHeader(file('a/b', { size: 5 })), bytes('xy')),
      /"a\/b" at offset 514: .* 3 bytes early/,
    ],
    ['a PAX header at the end', pax('uid', '12'), /ends inside of a header/],
    ['a long name at the end', extension('L', 'a\0'), /ends inside of a header/],
    ['a PAX header cut off', pax('uid', '12').subarray(0, 515), /ends inside of a header/],
    ['a lone zero block', join(new Uint8Array(512), raw()), /offset 0: a header after a single zero block/],
    ['a negative size', raw({ 124: new Uint8Array(12).fill(0xff) }), /a size that is negative/],
    [
      'a size beyond 2^53',
      raw({ 124: Uint8Array.of(0x80, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0) }),
      /beyond 2\^53/,
    ],
    ['a size of no number', raw({ 124: '0000000000x' }), /not a number/],
    ['a mode of no number', raw({ 100: 'rwxr-xr' }), /"n" at offset 0: a mode that is/],
    ['a negative uid', raw({ 108: new Uint8Array(8).fill(0xff) }), /a uid that is out of range/],
    [
      'a uid beyond 32 bits',
      raw({ 108: Uint8Array.of(0x80, 0, 0, 1, 0, 0, 0, 0) }),
      /a uid that is out of range/,
    ],
    ['a PAX uid beyond 32 bits', join(pax('uid', '4294967296'), raw()), /a uid that is out of range/],
    ['no name', raw({ 0: '\0' }), /an empty name/],
    ['a symlink to nothing', raw({ 156: '2' }), /"n" at offset 0: a symlink to nothing/],
    ['a long name of nothing', join(extension('L', '\0'), raw()), /a long name of 1 bytes/],
    ['an overlong long name', join(extension('L', 'n'.repeat(4098)), raw()), /a long name of 4098 bytes/],
    ['an overlong PAX path', join(pax('path', 'n'.repeat(4097)), raw()), /a path of 4097 bytes/],
    ['a huge PAX header', raw({ 124: '00004000001', 156: 'x' }), /a header of 1048577 bytes/],
    ['a NUL in a PAX path', join(pax('path', 'a\0b'), raw()), /a path with a NUL/],
    ['a PAX record too long', join(extension('x', '11 uid=12\n'), raw()), /a malformed PAX record/],
    ['a PAX record too short', join(extension('x', '8 uid=12\n'), raw()), /a malformed PAX record/],
    ['a PAX record of length 0', join(extension('x', '0 uid=12\n'), raw()), /a malformed PAX record/],
    ['a PAX record without a length', join(extension('x', ' uid=12\n'), raw()), /a malformed PAX record/],
    [
      'a PAX length of many digits',
      join(extension('x', '0000000010 uid=12\n'), raw()),
      /a malformed PAX record/,
    ],
    ['a PAX record without =', join(extension('x', '8 uid12\n'), raw()), /without a key/],
    ['a PAX record without a key', join(extension('x', '6 =12\n'), raw()), /without a key/],
    ['a PAX size that is negative', join(pax('size', '-1'), raw()), /size is not a number/],
    ['a PAX size beyond 2^53', join(pax('size', '9007199254740992'), raw()), /size is not a number/],
    ['a PAX time of no number', join(pax('mtime', '1e5'), raw()), /mtime is not a decimal/],
    ['a global path', join(extension('g', record('path', 'a')), raw()), /a global PAX header that names/],
  ] as const)('refuses: %s', ([, archive, message]) => {
    for (const chunk of [archive.length, 97]) {
      expect(() => readAll(archive, chunk)).toThrow(expect.objectContaining({ code: 'TAR_INVALID' }));
      expect(() => readAll(archive, chunk)).toThrow(message);
    }
  });

  test.for([
    ['an old sparse file', raw({ 156: 'S' }), /"n" is a sparse file/],
    ['a PAX sparse file', join(pax('GNU.sparse.major', '1'), raw()), /"n" is a sparse file/],
    ['a multi-volume archive', raw({ 156: 'M' }), /"n" is of the unknown type "M"/],
    ['an incremental dump', raw({ 156: 'D' }), /unknown type "D"/],
  ] as const)('does not support %s', ([, archive, message]) => {
    expect(() => readAll(archive)).toThrow(expect.objectContaining({ code: 'ARCHIVE_UNSUPPORTED' }));
    expect(() => readAll(archive)).toThrow(message);
  });

  test('what a handler throws comes out of push', () => {
    const reader = new TarReader({
      onMember() {
        throw new RangeError('mine');
      },
      onData() {},
      onMemberEnd() {},
    });
    expect(() => reader.push(raw())).toThrow(RangeError);
  });
});

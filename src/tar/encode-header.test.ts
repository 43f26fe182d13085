import { describe, expect, test } from 'vitest';
import { encodeHeader } from './encode-header.ts';
import { END, padding, type TarMember } from './member.ts';
import { decodePathText } from './path-text.ts';
import { file as aFile, record } from './test-archives.ts';

const file = (change: Partial<TarMember> = {}): TarMember => aFile('a', change);

/** The records of the PAX header, or none. */
function paxOf(header: Uint8Array): string {
  if (header.length === 512) return '';
  expect(header[156]).toBe(0x78);
  return decodePathText(header.subarray(512, -512)).replace(/\0+$/, '');
}
const field = (header: Uint8Array, start: number, end: number): string =>
  decodePathText(header.subarray(header.length - 512 + start, header.length - 512 + end));

const nul = (count: number): string => '\0'.repeat(count);

describe('encodeHeader', () => {
  test('every byte of a plain header', () => {
    const header = encodeHeader(
      file({ path: 'etc/x', mode: 0o4755, uid: 1000, gid: 100, mtime: 1_700_000_000, size: 5 }),
    );
    expect(decodePathText(header)).toBe(
      `etc/x${nul(95)}0004755\u00000001750\u00000000144\u000000000000005\u000014524770400\u0000` +
        `010244\u0000 0${nul(100)}ustar\u000000${nul(64)}0000000\u00000000000\u0000${nul(167)}`,
    );
  });

  test.for([
    ['100 bytes of path', file({ path: 'n'.repeat(100) }), ''],
    ['a path that splits', file({ path: `${'p'.repeat(155)}/${'n'.repeat(100)}` }), ''],
    ['a name too long to split', file({ path: 'n'.repeat(101) }), record('path', 'n'.repeat(101))],
    ['a prefix too long', file({ path: `${'p'.repeat(156)}/n` }), record('path', `${'p'.repeat(156)}/n`)],
    ['a path beyond ASCII', file({ path: 'é' }), '11 path=é\n'],
    ['a path that is not UTF-8', file({ path: '\udcff' }), record('path', '\udcff')],
    ['100 bytes of link', file({ type: 'symlink', link: 'l'.repeat(100) }), ''],
    [
      '101 bytes of link',
      file({ type: 'symlink', link: 'l'.repeat(101) }),
      record('linkpath', 'l'.repeat(101)),
    ],
    ['8 GiB less one', file({ size: 8 ** 11 - 1 }), ''],
    ['8 GiB', file({ size: 8 ** 11 }), '19 size=8589934592\n'],
    ['the largest short uid', file({ uid: 2_097_151 }), ''],
    ['a large uid and gid', file({ uid: 2_097_152, gid: 4e9 }), '18 gid=4000000000\n15 uid=2097152\n'],
    ['nanoseconds', file({ mtime: 1, mtimeNs: 500_000_000 }), '13 mtime=1.5\n'],
    ['one nanosecond', file({ mtimeNs: 1 }), record('mtime', '0.000000001')],
    ['before 1970', file({ mtime: -1 }), '12 mtime=-1\n'],
    ['before 1970 with nanoseconds', file({ mtime: -2, mtimeNs: 500_000_000 }), '14 mtime=-1.5\n'],
    ['just before 1970', file({ mtime: -1, mtimeNs: 999_999_999 }), record('mtime', '-0.000000001')],
    ['after 2242', file({ mtime: 8 ** 11 }), record('mtime', '8589934592')],
    [
      'attributes, sorted',
      file({
        xattrs: new Map([
          ['user.b', Uint8Array.of(0x0a, 0x3d)],
          ['user.a', new Uint8Array()],
        ]),
      }),
      record('SCHILY.xattr.user.a', '') + record('SCHILY.xattr.user.b', '\n='),
    ],
    ['a record of 99 bytes', file({ path: `é${'n'.repeat(88)}` }), `99 path=é${'n'.repeat(88)}\n`],
    [
      'a record that only its own length makes 101 bytes',
      file({ path: `é${'n'.repeat(89)}` }),
      `101 path=é${'n'.repeat(89)}\n`,
    ],
  ] as const)('PAX for %s', ([, member, want]) => {
    expect(paxOf(encodeHeader(member))).toBe(want);
  });

  test('a directory gets a slash, the root is ./', () => {
    expect(field(encodeHeader(file({ type: 'dir', path: 'a' })), 0, 3)).toBe('a/\0');
    expect(field(encodeHeader(file({ type: 'dir', path: 'a/' })), 0, 3)).toBe('a/\0');
    expect(field(encodeHeader(file({ type: 'dir', path: '' })), 0, 3)).toBe('./\0');
  });

  test('a directory path splits before its last name, not at its end', () => {
    const header = encodeHeader(file({ type: 'dir', path: `${'p'.repeat(90)}/${'n'.repeat(90)}` }));
    expect(header).toHaveLength(512);
    expect(field(header, 0, 92)).toBe(`${'n'.repeat(90)}/\0`);
    expect(field(header, 345, 436)).toBe(`${'p'.repeat(90)}\0`);
  });

  test('what does not fit leaves a harmless header', () => {
    const header = encodeHeader(
      file({ path: `é${'n'.repeat(150)}`, size: 8 ** 11, uid: 2 ** 31, mtime: -5 }),
    );
    expect(field(header, 0, 100)).toBe(`__${'n'.repeat(98)}`);
    expect(field(header, 108, 116)).toBe('0000000\0');
    expect(field(header, 124, 148)).toBe('00000000000\u000000000000000\u0000');
  });

  test('only files have a size', () => {
    for (const type of ['dir', 'symlink', 'hardlink', 'fifo', 'char'] as const) {
      const header = encodeHeader(file({ type, size: 9, ...(type.endsWith('link') && { link: 'x' }) }));
      expect(field(header, 124, 136)).toBe('00000000000\0');
    }
  });

  test('the PAX header does not depend on the member but for its records', () => {
    const a = encodeHeader(file({ path: 'x/y', mtimeNs: 1, mode: 0o4777, uid: 5, gid: 6 }));
    const b = encodeHeader(file({ path: 'z', mtimeNs: 1 }));
    expect(Buffer.compare(a.subarray(0, 1024), b.subarray(0, 1024))).toBe(0);
    expect(decodePathText(a.subarray(0, 14))).toBe('././@PaxHeader');
  });

  test('the order of attributes does not matter', () => {
    const x: [string, Uint8Array] = ['user.x', Uint8Array.of(1)];
    const y: [string, Uint8Array] = ['user.y', Uint8Array.of(2)];
    const one = encodeHeader(file({ xattrs: new Map([x, y]) }));
    expect(Buffer.compare(one, encodeHeader(file({ xattrs: new Map([y, x]) })))).toBe(0);
  });

  test.for([
    ['NUL in the path', file({ path: 'a\0b' }), /a NUL in a name/],
    ['NUL in the link', file({ type: 'symlink', link: '\0' }), /a NUL in a name/],
    ['no path', file({ path: '' }), /an empty name/],
    ['no link', file({ type: 'symlink', link: '' }), /an empty name/],
    ['overlong path', file({ path: 'a'.repeat(4097) }), /a name of 4097 bytes/],
    ['negative size', file({ size: -1 }), /a size of -1/],
    ['fractional uid', file({ uid: 0.5 }), /a uid of 0.5/],
    ['time without a number', file({ mtime: Number.NaN }), /a time of NaN/],
    ['nanoseconds out of range', file({ mtimeNs: 1e9 }), /1000000000 ns/],
    ['device out of range', file({ type: 'char', major: 8 ** 7, minor: 0 }), /a device number of 2097152:0/],
    ['attribute with =', file({ xattrs: new Map([['user.a=b', new Uint8Array()]]) }), /"user.a=b"/],
  ] as const)('refuses: %s', ([, member, message]) => {
    expect(() => encodeHeader(member)).toThrow(expect.objectContaining({ code: 'TAR_INVALID' }));
    expect(() => encodeHeader(member)).toThrow(message);
  });
});

describe('the rest of an archive', () => {
  test.for([
    [0, 0],
    [1, 511],
    [511, 1],
    [512, 0],
    [513, 511],
    [2 ** 52 + 1, 511],
  ] as const)('padding of %d bytes is %d', ([size, want]) => {
    expect(padding(size)).toBe(want);
  });

  test('END is two zero blocks', () => {
    expect(END).toHaveLength(1024);
    expect(END.every((byte) => byte === 0)).toBe(true);
  });
});

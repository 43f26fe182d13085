import { describe, expect, test } from 'vitest';
import { carriedLine, interpreterFor, registerLine } from './binfmt.ts';
import { ELF_ARCHITECTURES, exitingProgram } from './elf-architectures.ts';

const { arm64, s390x } = ELF_ARCHITECTURES;
if (arm64 === undefined || s390x === undefined) throw new Error('architectures are missing');

/** As Linux 6.18 shows it. */
const SHOWN = `enabled
interpreter /usr/bin/qemu-aarch64-static
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`;

describe('registerLine', () => {
  test.for([
    [arm64, '\\x02\\x01\\x01', '\\x02\\x00\\xb7\\x00', '\\xfe\\xff\\xff\\xff'],
    [s390x, '\\x02\\x02\\x01', '\\x00\\x02\\x00\\x16', '\\xff\\xfe\\xff\\xff'],
  ] as const)(
    '%# says what programs begin with, in their byte order',
    ([architecture, ident, type, mask]) => {
      const [, name, kind, offset, magic, bits, path, flags] = registerLine(architecture, '/q').split(':');
      expect([name, kind, offset, path, flags]).toEqual([`qemu-${architecture.qemu}`, 'M', '', '/q', 'POCF']);
      expect(magic?.startsWith(`\\x7f\\x45\\x4c\\x46${ident}`)).toBe(true);
      expect([magic?.slice(-16), bits?.slice(-16)]).toEqual([type, mask]);
    },
  );
});

describe('carriedLine', () => {
  test('gives the line back that made what is shown', () => {
    const line = carriedLine({ name: 'qemu-aarch64', text: SHOWN });
    expect(line?.replace(':M:0:', ':M::')).toBe(registerLine(arm64, '/usr/bin/qemu-aarch64-static'));
  });

  test.for([
    [
      'an extension',
      'enabled\ninterpreter /usr/bin/wine\nflags: \nextension .exe\n',
      ':x:E::exe::/usr/bin/wine:',
    ],
    [
      'a part of a magic number',
      'enabled\ninterpreter /j\nflags: OC\noffset 4\nmagic cafe\nmask ff0f\n',
      ':x:M:4:\\xca\\xfe:\\xff\\x0f:/j:OC',
    ],
    ['no mask', 'enabled\ninterpreter /j\nflags: \noffset 0\nmagic cafe\n', ':x:M:0:\\xca\\xfe::/j:'],
    [
      'a flag of other kernels',
      'enabled\ninterpreter /j\nflags: FD\noffset 0\nmagic ca\n',
      ':x:M:0:\\xca::/j:F',
    ],
    ['what is switched off', SHOWN.replace('enabled', 'disabled'), undefined],
    ['what is too long', SHOWN.replace(/magic .*/, `magic ${'ab'.repeat(900)}`), undefined],
    ['something else', 'status', undefined],
  ] as const)('%s', ([, text, want]) => {
    expect(carriedLine({ name: 'x', text })).toBe(want);
  });
});

test('interpreterFor finds what runs an architecture', () => {
  const shown = [{ name: 'qemu-aarch64', text: SHOWN }];
  expect(interpreterFor(shown, arm64)).toBe('/usr/bin/qemu-aarch64-static');
  expect(interpreterFor(shown, s390x)).toBeUndefined();
});

test.for(Object.entries(ELF_ARCHITECTURES))('the program of %s is as long as it says', ([, architecture]) => {
  const bytes = Buffer.from(exitingProgram(architecture));
  const { bits, bigEndian = false } = architecture;
  const wide = bits === 64;
  const read = (at: number): number => {
    if (wide) return Number(bigEndian ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at));
    return bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  };
  const [entry, start, sizeInFile] = wide ? [24, 64 + 56, 64 + 32] : [24, 52 + 32, 52 + 16];
  expect([read(entry) & 0xffff, read(sizeInFile)]).toEqual([start, bytes.length]);
});

/** Programs of an architecture, as the kernel tells them apart and as QEMU calls it. */
export type ElfArchitecture = {
  /** Part of the names of QEMU's user emulators: `qemu-aarch64-static`. */
  readonly qemu: string;
  readonly bits: 32 | 64;
  readonly bigEndian?: true;
  /** elf(5): e_machine, and e_flags where programs need some. */
  readonly machine: number;
  readonly flags?: number;
  /** `exit(0)` in its machine code. */
  readonly exit: string;
};

/** By the names of GOARCH, as in platforms. */
export const ELF_ARCHITECTURES: Readonly<Record<string, ElfArchitecture>> = {
  '386': { qemu: 'i386', bits: 32, machine: 3, exit: '31db b801000000 cd80' },
  amd64: { qemu: 'x86_64', bits: 64, machine: 62, exit: '31ff b83c000000 0f05' },
  arm: {
    qemu: 'arm',
    bits: 32,
    machine: 40,
    flags: 0x0500_0000,
    exit: '0000a0e3 0170a0e3 000000ef',
  },
  arm64: { qemu: 'aarch64', bits: 64, machine: 183, exit: '000080d2 a80b80d2 010000d4' },
  loong64: { qemu: 'loongarch64', bits: 64, machine: 258, flags: 3, exit: '04008003 0b748103 00002b00' },
  mips64le: {
    qemu: 'mips64el',
    bits: 64,
    machine: 8,
    flags: 0x8000_0007,
    exit: '00000424 c2130224 0c000000',
  },
  ppc64le: { qemu: 'ppc64le', bits: 64, machine: 21, flags: 2, exit: '00006038 01000038 02000044' },
  riscv64: { qemu: 'riscv64', bits: 64, machine: 243, flags: 5, exit: '13050000 9308d005 73000000' },
  s390x: { qemu: 's390x', bits: 64, bigEndian: true, machine: 22, exit: 'a7290000 0a01' },
};

const BASE_ADDRESS = 0x40_0000;
const ET_EXEC = 2;
const PT_LOAD = 1;
const READ_AND_EXECUTE = 5;
const PAGE = 0x1000;

/** The smallest program there is: whether it runs tells whether a machine runs an architecture. Source: elf(5). */
export function exitingProgram(architecture: ElfArchitecture): Uint8Array {
  const { bits, machine, flags = 0 } = architecture;
  const code = Buffer.from(architecture.exit.replaceAll(' ', ''), 'hex');
  const [headerSize, segmentSize] = bits === 64 ? [64, 56] : [52, 32];
  const start = headerSize + segmentSize;
  const size = start + code.length;
  const header = fields(architecture, [
    ['half', ET_EXEC],
    ['half', machine],
    ['word', 1],
    ['address', BASE_ADDRESS + start],
    ['address', headerSize],
    ['address', 0],
    ['word', flags],
    ...[headerSize, segmentSize, 1, 0, 0, 0].map((value) => ['half', value] as const),
  ]);
  const place = [0, BASE_ADDRESS, BASE_ADDRESS, size, size].map(address);
  const rights = ['word', READ_AND_EXECUTE] as const;
  const segment = fields(
    architecture,
    bits === 64
      ? [['word', PT_LOAD], rights, ...place, address(PAGE)]
      : [['word', PT_LOAD], ...place, rights, address(PAGE)],
  );
  return Buffer.concat([identification(architecture), header, segment, code]);
}

type Field = readonly ['half' | 'word' | 'address', number];
const address = (value: number): Field => ['address', value];

function fields({ bits, bigEndian }: ElfArchitecture, values: readonly Field[]): Buffer {
  return Buffer.concat(
    values.map(([kind, value]) => {
      const bytes = Buffer.alloc(kind === 'half' ? 2 : kind === 'word' || bits === 32 ? 4 : 8);
      if (bigEndian) bytes.writeUIntBE(value, Math.max(0, bytes.length - 4), Math.min(4, bytes.length));
      else bytes.writeUIntLE(value, 0, Math.min(4, bytes.length));
      return bytes;
    }),
  );
}

function identification({ bits, bigEndian }: ElfArchitecture): Buffer {
  return Buffer.from([
    0x7f,
    0x45,
    0x4c,
    0x46,
    bits === 64 ? 2 : 1,
    bigEndian ? 2 : 1,
    1,
    ...Array(9).fill(0),
  ]);
}

/**
 * What programs and shared objects of an architecture begin with, and which bits of it count: whatever the C library
 * says of itself is let through.
 */
export function elfMagic(architecture: ElfArchitecture): { readonly magic: Buffer; readonly mask: Buffer } {
  const magic = Buffer.concat([
    identification(architecture),
    fields(architecture, [
      ['half', ET_EXEC],
      ['half', architecture.machine],
    ]),
  ]);
  const mask = Buffer.alloc(magic.length, 0xff);
  const osAbi = 7;
  // ET_EXEC and ET_DYN differ in their lowest bit
  const type = architecture.bigEndian ? 17 : 16;
  mask[osAbi] = 0;
  mask[type] = 0xfe;
  return { magic, mask };
}

/** Makes objects with just the headers that a loader reads. */
export type ElfSpec = {
  readonly bits?: 32 | 64;
  readonly littleEndian?: boolean;
  readonly machine?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly rpath?: string;
  readonly runpath?: string;
  readonly noDefaultLibraries?: boolean;
};

const BASE = 0x400000;

export function elf(spec: ElfSpec = {}): Buffer {
  const { bits = 64, littleEndian = true, machine = 62, interpreter, needed = [] } = spec;
  const wide = bits === 64;
  const number = (value: number, bytes: 2 | 4 | 8): Buffer => {
    const out = Buffer.alloc(bytes);
    if (bytes === 8) out.writeBigUInt64LE(BigInt(value));
    else out.writeUIntLE(value, 0, bytes);
    return littleEndian ? out : out.reverse();
  };
  const address = (value: number): Buffer => number(value, wide ? 8 : 4);
  const strings: string[] = [''];
  const name = (text: string): number => {
    const at = Buffer.byteLength(`${strings.join('\0')}\0`);
    strings.push(text);
    return at;
  };
  const tags: [number, number][] = needed.map((one) => [1, name(one)]);
  if (spec.soname !== undefined) tags.push([14, name(spec.soname)]);
  if (spec.rpath !== undefined) tags.push([15, name(spec.rpath)]);
  if (spec.runpath !== undefined) tags.push([29, name(spec.runpath)]);
  if (spec.noDefaultLibraries) tags.push([0x6ffffffb, 0x800]);
  const [headerSize, segmentSize] = wide ? [64, 56] : [52, 32];
  const start = headerSize + 3 * segmentSize;
  const interp = Buffer.from(interpreter === undefined ? '' : `${interpreter}\0`);
  const table = Buffer.from(`${strings.join('\0')}\0`);
  const tableAt = start + interp.length;
  const dynamicAt = tableAt + table.length;
  const dynamic = Buffer.concat(
    [...tags, [5, BASE + tableAt] as const, [0, 0] as const].map(([tag, value]) =>
      Buffer.concat([address(tag), address(value)]),
    ),
  );
  const total = dynamicAt + dynamic.length;
  const segment = (type: number, offset: number, size: number): Buffer => {
    const at = [
      address(offset),
      address(BASE + offset),
      address(BASE + offset),
      address(size),
      address(size),
    ];
    const kind = number(type, 4);
    const flags = number(4, 4);
    const align = address(1);
    return wide ? Buffer.concat([kind, flags, ...at, align]) : Buffer.concat([kind, ...at, flags, align]);
  };
  const isDynamic = needed.length > 0 || spec.soname !== undefined || interpreter !== undefined;
  const segments = [
    segment(1, 0, total),
    segment(interpreter === undefined ? 0 : 3, start, interp.length),
    segment(isDynamic ? 2 : 0, dynamicAt, dynamic.length),
  ];
  const header = Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, littleEndian ? 1 : 2, 1, ...Array<number>(9).fill(0)]),
    number(3, 2),
    number(machine, 2),
    number(1, 4),
    address(0),
    address(headerSize),
    address(0),
    number(0, 4),
    ...[headerSize, segmentSize, 3, 0, 0, 0].map((value) => number(value, 2)),
  ]);
  return Buffer.concat([header, ...segments, interp, table, dynamic]);
}

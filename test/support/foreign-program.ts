import { ELF_ARCHITECTURES, exitingProgram } from '../../src/sandbox/elf-architectures.ts';

/** A static program for arm64 that prints a line and exits, or prints it and never ends. */
export function arm64Program({
  text,
  exit,
}: {
  readonly text: string;
  readonly exit: number | 'never';
}): Buffer {
  const { arm64 } = ELF_ARCHITECTURES;
  if (arm64 === undefined) throw new Error('arm64 is not known');
  const bytes = Buffer.from(`${text}\n`);
  const instructions = [
    move(0, 1),
    addressAfter(1, exit === 'never' ? 6 : 8),
    move(2, bytes.length),
    move(8, 64), // write(2)
    SVC,
    ...(exit === 'never' ? [LOOP] : [move(0, exit), move(8, 93), SVC]), // exit(2)
  ];
  const data = Buffer.alloc(instructions.length * 4);
  for (const [i, instruction] of instructions.entries()) data.writeUInt32LE(instruction, i * 4);
  return Buffer.from(exitingProgram({ ...arm64, exit: Buffer.concat([data, bytes]).toString('hex') }));
}

/** A static program that does nothing, by GOARCH. */
export function trueProgram(architecture: string): Buffer {
  const elf = ELF_ARCHITECTURES[architecture];
  if (elf === undefined) throw new Error(`${architecture} is not known`);
  return Buffer.from(exitingProgram(elf));
}

const SVC = 0xd400_0001;
const LOOP = 0x1400_0000;
const move = (register: number, value: number): number => (0xd280_0000 | (value << 5) | register) >>> 0;

/** ADR, from the second instruction to behind the last of `count`. */
function addressAfter(register: number, count: number): number {
  const offset = (count - 1) * 4;
  return (0x1000_0000 | ((offset & 3) << 29) | ((offset >> 2) << 5) | register) >>> 0;
}

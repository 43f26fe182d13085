import type { ElfObject, ElfTarget } from './elf-object.ts';

/** Which of the two loaders that Linux has starts a program: they search in other places. */
export type Loader = 'glibc' | 'musl';

export function loaderOf({ interpreter }: Pick<ElfObject, 'interpreter'>): Loader {
  return /(^|\/)ld-musl-[^/]*$/.test(interpreter ?? '') ? 'musl' : 'glibc';
}

/** Names under which musl's loader finds itself, as it is the C library too. Source: ldso/dynlink.c, load_library. */
export function isMusl(name: string): boolean {
  return /^lib(?:c|pthread|rt|m|dl|util|xnet)\./.test(name);
}

/** By `e_machine`: the name of the processor to the loaders, and Debian's directory of its libraries. */
type Machine = {
  readonly name: string;
  readonly multiarch: readonly string[];
  /** In platforms of images. */
  readonly architecture: string;
};
const MACHINES: Readonly<Record<number, Machine>> = {
  3: { name: 'i386', multiarch: ['i386-linux-gnu'], architecture: '386' },
  21: { name: 'powerpc64le', multiarch: ['powerpc64le-linux-gnu'], architecture: 'ppc64le' },
  22: { name: 's390x', multiarch: ['s390x-linux-gnu'], architecture: 's390x' },
  40: { name: 'armhf', multiarch: ['arm-linux-gnueabihf', 'arm-linux-gnueabi'], architecture: 'arm' },
  62: { name: 'x86_64', multiarch: ['x86_64-linux-gnu'], architecture: 'amd64' },
  183: { name: 'aarch64', multiarch: ['aarch64-linux-gnu'], architecture: 'arm64' },
  243: { name: 'riscv64', multiarch: ['riscv64-linux-gnu'], architecture: 'riscv64' },
};

/** The architecture that an object is for, as platforms call it; `undefined` where it is one that is not known here. */
export function architectureOf({ machine }: ElfTarget): string | undefined {
  return MACHINES[machine]?.architecture;
}

/**
 * Where every library is looked for at last, in order. What a distribution has compiled into its glibc cannot be seen:
 * these are all that are in use.
 */
export function defaultDirectories(loader: Loader, { bits, machine }: ElfTarget): readonly string[] {
  if (loader === 'musl') return ['/lib', '/usr/local/lib', '/usr/lib'];
  const multiarch = MACHINES[machine]?.multiarch ?? [];
  const wide = bits === 64 ? ['/lib64', '/usr/lib64'] : [];
  return [
    ...multiarch.flatMap((triple) => [`/lib/${triple}`, `/usr/lib/${triple}`]),
    ...wide,
    '/lib',
    '/usr/lib',
  ];
}

/** The file that tells musl where to look instead. */
export function muslPathFile({ machine }: ElfTarget): string {
  return `/etc/ld-musl-${MACHINES[machine]?.name ?? 'unknown'}.path`;
}

/**
 * Puts values in for `$ORIGIN`, `$LIB` and `$PLATFORM`, in braces or not, in a directory of an object.
 * Source: ld.so(8), "Dynamic string tokens".
 */
export function expandTokens(text: string, origin: string, { bits, machine }: ElfTarget): string {
  const values: Readonly<Record<string, string>> = {
    ORIGIN: origin,
    LIB: bits === 64 ? 'lib64' : 'lib',
    PLATFORM: MACHINES[machine]?.name ?? '',
  };
  return text.replace(
    /\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)\b)/g,
    (_, braced: string | undefined, bare: string | undefined) => values[braced ?? bare ?? ''] ?? '',
  );
}

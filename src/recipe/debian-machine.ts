import { runScript } from './shell.ts';
import type { RecipeOptions } from './types.ts';

/** Debian's names for what Docker calls `TARGETARCH` and `TARGETVARIANT`. */
const MACHINES: readonly {
  readonly pattern: string;
  readonly debian: string;
  readonly triplet: string;
  readonly musl: string;
}[] = [
  { pattern: 'amd64*', debian: 'amd64', triplet: 'x86_64-linux-gnu', musl: 'x86_64-linux-musl' },
  { pattern: 'arm64*', debian: 'arm64', triplet: 'aarch64-linux-gnu', musl: 'aarch64-linux-musl' },
  { pattern: 'armv7', debian: 'armhf', triplet: 'arm-linux-gnueabihf', musl: 'arm-linux-musleabihf' },
  { pattern: '386', debian: 'i386', triplet: 'i686-linux-gnu', musl: 'i386-linux-musl' },
  { pattern: 'ppc64le', debian: 'ppc64el', triplet: 'powerpc64le-linux-gnu', musl: 'powerpc64le-linux-musl' },
  { pattern: 'riscv64', debian: 'riscv64', triplet: 'riscv64-linux-gnu', musl: 'riscv64-linux-musl' },
  { pattern: 's390x', debian: 's390x', triplet: 's390x-linux-gnu', musl: 's390x-linux-musl' },
];

/** What scripts of the stage begin with, so that `$DEBIAN`, `$TRIPLET` and `$MUSL` are those of the machine. */
export const MACHINE_PRELUDE = '. /machine;';

/**
 * A stage on the machine that builds with packages for the one that the image is for. With `compiler` its C compiler and
 * C library are there as well, and `cc` is that compiler.
 */
export function machineStage(
  options: RecipeOptions,
  { compiler, packages = [] }: { readonly compiler: boolean; readonly packages?: readonly string[] },
): string {
  const probe = options.healthUrl !== undefined;
  const update = options.allowExpired === true ? '-o Acquire::Check-Valid-Until=false update' : 'update';
  const own = ['ca-certificates', 'tzdata', ...(compiler ? ['make', 'pkgconf'] : [])];
  const foreign = ['tini', ...(probe ? ['musl-dev'] : []), ...(compiler ? ['libc6-dev'] : []), ...packages];
  const gcc = compiler || probe;
  return [
    '# Packages for the machine that the image is for, on the one that builds.',
    'FROM --platform=$BUILDPLATFORM debian:trixie-slim AS machine',
    'ARG TARGETARCH TARGETVARIANT',
    runScript([
      'set -e; case $TARGETARCH$TARGETVARIANT in',
      ...MACHINES.map(
        ({ pattern, debian, triplet, musl }) =>
          `  ${pattern}) echo DEBIAN=${debian} TRIPLET=${triplet} MUSL=${musl} ;;`,
      ),
      '  *) echo "Debian is not known for $TARGETARCH$TARGETVARIANT" >&2; exit 1 ;;',
      `esac > /machine; ${MACHINE_PRELUDE}`,
      `dpkg --add-architecture $DEBIAN; apt-get ${update};`,
      `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${own.join(' ')} ${foreign.map((one) => `${one}:$DEBIAN`).join(' ')}${gcc ? ' gcc-$(echo $TRIPLET | tr _ -)' : ''};`,
      'rm -rf /var/lib/apt/lists/*;',
      ...(gcc
        ? [
            'for tool in gcc as ar ranlib strip nm ld; do ln -s /usr/bin/$TRIPLET-$tool /usr/local/bin/$tool; done; ln -s gcc /usr/local/bin/cc',
          ]
        : ['cat /machine']),
    ]),
    'WORKDIR /src',
  ].join('\n');
}

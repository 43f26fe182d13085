import { installCommands } from '../debian-packages.ts';
import { runLines, runScript } from '../shell.ts';
import type { RecipeOptions } from '../types.ts';
import { extraPackages } from './compile-stages.ts';
import { BASE_LIBRARIES, C_LIBRARIES, LIBRARY_PACKAGES, packagesOf } from './libraries.ts';
import { MACHINES, type Machine } from './machines.ts';
import type { CrystalProject } from './project.ts';

const TOOLS = ['gcc', 'ar', 'ranlib', 'strip', 'nm', 'ld'];
/** What a failed link exits with when static archives are missing and shared libraries would do. */
export const NO_STATIC_ARCHIVE = 93;

/** A stage per kind of machine with its linker and C library, what the libraries need, and the link itself. */
export function linkStages(project: CrystalProject, options: RecipeOptions): string[] {
  return [
    ...MACHINES.map((machine) => linkerStage(machine, { project, options })),
    librariesStage(options),
    linkStage(project, options),
  ];
}

type Parts = { readonly project: CrystalProject; readonly options: RecipeOptions };

function linkerStage(machine: Machine, { project, options }: Parts): string {
  const { architecture, debian, triplet, musl, suite } = machine;
  // The same for every project, so that projects share these stages
  const own = ['musl-dev', 'tini'];
  const name = `linker-${architecture}`;
  if (architecture === 'amd64') {
    return [
      '# Linkers. Each machine has its own; none of them needs an emulator.',
      `FROM compiler AS ${name}`,
      `ENV DEBIAN=${debian} TRIPLET=${triplet} MUSL=${musl}`,
      runLines(installCommands(own, options)),
    ].join('\n');
  }
  const libraries = ['libc6-dev', ...packagesOf(BASE_LIBRARIES), ...extraPackages(project, options), ...own];
  const packages = [
    `gcc-${triplet}`,
    'ca-certificates',
    'make',
    'pkgconf',
    'tzdata',
    ...libraries.map((one) => `${one}:${debian}`),
  ];
  return [
    `FROM --platform=linux/amd64 debian:${suite}-slim AS ${name}`,
    `ENV DEBIAN=${debian} TRIPLET=${triplet} MUSL=${musl} PKG_CONFIG_LIBDIR=/usr/lib/${triplet}/pkgconfig:/usr/share/pkgconfig`,
    runLines([
      ...installCommands(packages, { ...options, before: [`dpkg --add-architecture ${debian}`] }),
      `for tool in ${TOOLS.join(' ')}; do ln -s /usr/bin/${triplet}-$tool /usr/local/bin/$tool; done`,
      'ln -s gcc /usr/local/bin/cc',
    ]),
    'WORKDIR /src',
  ].join('\n');
}

/** The table as branches of a `case`; libraries with the same packages share one. */
function branches(): string[] {
  const byPackages = new Map<string, string[]>();
  for (const [library, packages] of Object.entries(LIBRARY_PACKAGES)) {
    if (BASE_LIBRARIES.includes(library)) continue;
    const key = packages.join(' ');
    byPackages.set(key, [...(byPackages.get(key) ?? []), library]);
  }
  return [...byPackages].map(
    ([packages, libraries]) => `    ${libraries.join('|')}) packages="$packages ${packages}" ;;`,
  );
}

function librariesStage(options: RecipeOptions): string {
  const update = options.allowExpired === true ? '-o Acquire::Check-Valid-Until=false update' : 'update';
  return [
    '# The libraries that the objects ask for. This is executed again only when they ask for others.',
    'FROM linker-${TARGETARCH} AS linker',
    'COPY --from=objects /out/libraries /out/libraries',
    runScript(
      [
        'set -e; packages=; while read -r library shards; do',
        '  case $library in',
        `    ${[...C_LIBRARIES, ...BASE_LIBRARIES].join('|')}) ;;`,
        ...branches(),
        '    stdc++) packages="$packages g++-$(echo $TRIPLET | tr _ -)" ;;',
        '    *) if [ -e "$(cc -print-file-name=lib$library.a)" ] || [ -e "$(cc -print-file-name=lib$library.so)" ]; then continue; fi;',
        '      echo "no package is known that has the library $library, which ${shards:-the project} links with:" >&2;',
        '      echo "name it with --with-package, or see where it comes from: https://packages.debian.org" >&2; exit 1 ;;',
        '  esac;',
        'done < /out/libraries;',
        'if [ -n "$packages" ]; then',
        `  apt-get ${update};`,
        '  for package in $packages; do case $package in g++*) echo $package ;; *) echo $package:$DEBIAN ;; esac; done \\',
        '    | sort -u | DEBIAN_FRONTEND=noninteractive xargs apt-get install -y --no-install-recommends;',
        '  rm -rf /var/lib/apt/lists/*;',
        'fi',
      ].map((line) => line.replace(/ \\$/, '')),
    ),
  ].join('\n');
}

/**
 * Reads `scripts: postinstall:` of a shard.yml: a plain, quoted or block text. Shards would run it on a machine that is
 * another one than it compiles for.
 */
const POSTINSTALL = [
  `perl -0777 -ne 'if (/^scripts:[^\\n]*\\n(?:[ \\t]+(?!postinstall:)[^\\n]*\\n|\\n)*?([ \\t]+)postinstall:`,
  `[ \\t]*(?:[|>][-+]?[ \\t]*\\n((?:\\1[ \\t]+[^\\n]*\\n|\\n)+)|([^\\n]*))/m)`,
  ` { my $s = $2 // $3; $s =~ s/^(["\\x27])(.*)\\1\\s*$/$2/; print $s }'`,
].join('');

function linkStage({ targets, hasDependencies }: CrystalProject, options: RecipeOptions): string {
  const { link = 'static', debug = false, linkFlags = '' } = options;
  const programs = targets.map(({ name }) => name).join(' ');
  const isStatic = link === 'static';
  // What is copied with its libraries keeps its path
  const root = isStatic ? '/program' : '';
  const postinstall = [
    '# C extensions of dependencies are compiled by the compiler of the machine that the image is for.',
    'COPY --from=shards /src /src',
    runScript([
      'set -e; for shard in lib/*/; do [ -e "$shard/shard.yml" ] || continue;',
      `  script=$(${POSTINSTALL} "$shard/shard.yml");`,
      '  if [ -n "$script" ]; then echo "postinstall of $shard: $script"; (cd "$shard"; CC=cc AR=ar sh -ec "$script"); fi;',
      'done',
    ]),
  ];
  // Archives may need each other in any order; what a library needs in turn is told by pkg-config
  const edits = isStatic
    ? ['s/pkg-config --libs/pkg-config --static --libs/g', 's/ -rdynamic / -Wl,--start-group /']
    : [];
  const end = [linkFlags.trim(), ...(isStatic ? ['-Wl,--end-group'] : [])]
    .filter((one) => one !== '')
    .join(' ');
  return [
    'FROM linker AS link',
    ...(hasDependencies ? postinstall : []),
    'COPY --from=objects /out /out',
    runScript([
      `set -e; mkdir -p ${root}/usr/local/bin; for program in ${programs}; do`,
      `  sed '${[...edits, `s/$/${end === '' ? '' : ` ${end.replace(/[/&\\]/g, '\\$&')}`}/`].join('; ')}' /out/$program.link > /out/$program.sh;`,
      // What the linker says of a static C library is noise unless it fails
      '  if ! sh -e /out/$program.sh 2> /out/$program.log; then cat /out/$program.log >&2;',
      ...(isStatic ? explainMissing() : ['    exit 1;']),
      '  fi;',
      `  ${debug ? 'cp /out/$program' : 'strip -o'} ${root}/usr/local/bin/$program${debug ? '' : ' /out/$program'};`,
      'done',
    ]),
  ].join('\n');
}

/** After a failed link: whether shared libraries would do, and what has no static archive. */
function explainMissing(): string[] {
  return [
    `    if ! sed 's/ -static / /; s/ -rdynamic / -Wl,--start-group /; s/$/ -Wl,--end-group/' /out/$program.link | sh -e 2> /dev/null; then exit 1; fi;`,
    '    echo "$program cannot be linked statically, but it can be linked with shared libraries: --link dynamic" >&2;',
    '    while read -r library shards; do',
    '      if [ ! -e "$(cc -print-file-name=lib$library.a)" ] && [ -e "$(cc -print-file-name=lib$library.so)" ]; then',
    '        echo "the library $library, which ${shards:-the project} links with, has no static archive" >&2;',
    '      fi;',
    '    done < /out/libraries;',
    `    exit ${NO_STATIC_ARCHIVE};`,
  ];
}

import { installCommands } from '../debian-packages.ts';
import { runLines, runScript, shellWord } from '../shell.ts';
import type { RecipeOptions } from '../types.ts';
import { BASE_LIBRARIES, packagesOf } from './libraries.ts';
import { MACHINES } from './machines.ts';
import type { CrystalProject } from './project.ts';

const COMPILER_PACKAGES: readonly string[] = [
  'ca-certificates',
  'crystal',
  'gcc',
  'git',
  'libc6-dev',
  'make',
  'pkgconf',
  'shards',
  'tzdata',
  ...packagesOf([...BASE_LIBRARIES, 'ssl']),
];
/** Objects and programs of macros; builds for several machines run at the same time. */
const CRYSTAL_CACHE = '--mount=type=cache,id=crystal,target=/root/.cache/crystal';
const SHARDS_CACHE = '--mount=type=cache,id=shards,target=/root/.cache/shards,sharing=locked';

/** The stages that run on the machine that builds: compiler, dependencies, a look at the program, objects. */
export function compileStages(project: CrystalProject, options: RecipeOptions): string[] {
  return [
    compilerStage(project, options),
    shardsStage(project, options),
    ...(project.lock === undefined && project.hasDependencies ? [lockStage] : []),
    'FROM shards AS sources\nCOPY . .',
    lookStage(project, options),
    objectsStage(project, options),
  ];
}

/** What a program needs to be linked, beyond what its link command tells. */
export function extraPackages({ shard }: CrystalProject, { packages = [] }: RecipeOptions): string[] {
  return [...new Set([...packages, ...packagesOf(shard.libraries)])];
}

function compilerStage(project: CrystalProject, options: RecipeOptions): string {
  const packages = [
    ...COMPILER_PACKAGES,
    ...extraPackages(project, options),
    ...(project.ssh ? ['openssh-client'] : []),
  ];
  return [
    '# The compiler: it runs on the machine that builds, whatever it compiles for. Debian has it for amd64 only.',
    'FROM --platform=linux/amd64 debian:trixie-slim AS compiler',
    runLines(installCommands(packages, options)),
    'WORKDIR /src',
  ].join('\n');
}

/** Dependencies, from the files that name them alone. C extensions wait for the machine that they are for. */
export function shardsStage(
  project: CrystalProject,
  { gitTokens = [] }: RecipeOptions,
  { postinstall = false }: { readonly postinstall?: boolean } = {},
): string {
  const { lock, override, paths, ssh, hasDependencies } = project;
  const files = ['shard.yml', ...(lock ? ['shard.lock'] : []), ...(override ? ['shard.override.yml'] : [])];
  const install = [
    'shards install --production',
    ...(lock ? ['--frozen'] : []),
    ...(postinstall ? [] : ['--skip-postinstall']),
    '--skip-executables',
  ].join(' ');
  const mounts = [
    SHARDS_CACHE,
    ...(ssh ? ['--mount=type=ssh'] : []),
    ...gitTokens.map((host) => `--mount=type=secret,id=GIT_AUTH_TOKEN.${host}`),
  ];
  return [
    '# Dependencies come first: as long as these files stay the same, they are not installed again.',
    'FROM compiler AS shards',
    `COPY ${files.join(' ')} ./`,
    ...paths.map((path) => `COPY ${path} ${path}`),
    // Without dependencies shards makes no directory, which others copy
    hasDependencies
      ? runScript(
          ['set -e; mkdir -p lib; \\', ...gitLines(project, gitTokens), install].map(unslashed),
          mounts,
        )
      : 'RUN mkdir lib',
  ].join('\n');
}

const lockStage =
  '# What was resolved: `--target lock -o . .` writes it into the project.\nFROM scratch AS lock\nCOPY --from=shards /src/shard.lock /';

const unslashed = (line: string): string => line.replace(/ \\$/, '');

/** How git gets at what is private; hosts are those of the user. */
function gitLines({ ssh }: CrystalProject, hosts: readonly string[]): string[] {
  const keys = ssh ? ["export GIT_SSH_COMMAND='ssh -o StrictHostKeyChecking=accept-new';"] : [];
  if (hosts.length === 0) return keys;
  const tokens = hosts.flatMap((host, index) => [
    `export GIT_CONFIG_KEY_${index}=http.https://${host}/.extraHeader;`,
    `export GIT_CONFIG_VALUE_${index}="Authorization: Basic $(printf 'x-access-token:%s' "$(cat /run/secrets/GIT_AUTH_TOKEN.${host})" | base64 -w0)";`,
  ]);
  return [...keys, `export GIT_CONFIG_COUNT=${hosts.length};`, ...tokens];
}

/** Flags that are the same wherever a program is compiled for. */
function commonFlags({ defines = [], cpu }: RecipeOptions): string[] {
  return [...defines.map((name) => `-D${name}`), ...(cpu === undefined ? [] : [`--mcpu ${cpu}`])].map(
    (flag) => flag.split(' ').map(shellWord).join(' '),
  );
}

/** Of what only a program that uses TLS, certificates or digests of OpenSSL calls. */
const OPENSSL_IN_USE = ' (SSL_CTX_|EVP_|HMAC|X509_|PKCS5_|RAND_|PEM_|RSA_|EC_)';

/**
 * Every HTTP server is linked with OpenSSL, whether or not it can ever open a TLS connection. The compiler makes only
 * what is called, so the symbols of a quick build without optimisation tell.
 */
function lookStage(project: CrystalProject, options: RecipeOptions): string {
  const { tls = 'auto', timezones = 'auto', defines = [] } = options;
  const flags = defines.map((name) => shellWord(`-D${name}`));
  const decided = [
    ...(tls === 'auto' ? [] : project.targets.map(({ name }) => tlsFlag(name, tls === 'on'))),
    ...(timezones === 'on' ? ['touch /look/timezones;'] : []),
  ];
  const looks = project.targets.flatMap(({ name, main }) => [
    `crystal build ${main} --no-color -o /tmp/${name} --cross-compile --target x86_64-linux-gnu --no-debug ${flags.join(' ')}> /tmp/${name}.link;`,
    ...(tls === 'auto'
      ? [
          // Linked with OpenSSL or not, and if so, in use or not
          `if ! grep -q lcrypto /tmp/${name}.link; then touch /look/${name}.flags;`,
          `elif nm -u /tmp/${name}.o | grep -qE '${OPENSSL_IN_USE}'; then ${tlsFlag(name, true)}`,
          `else ${tlsFlag(name, false)} fi;`,
        ]
      : []),
    ...(timezones === 'auto'
      ? [`if nm /tmp/${name}.o | grep -q 'Time::Location::load<'; then touch /look/timezones; fi;`]
      : []),
  ]);
  const looking = tls === 'auto' || timezones === 'auto';
  return [
    '# What the programs use, told by the symbols of a quick build: TLS, and the time zone database.',
    'FROM sources AS look',
    runScript(['set -e; mkdir /look;', ...decided, ...(looking ? looks : []), 'ls /look'], [CRYSTAL_CACHE]),
  ].join('\n');
}

function tlsFlag(name: string, used: boolean): string {
  return used ? `touch /look/${name}.flags /look/tls;` : `echo -Dwithout_openssl > /look/${name}.flags;`;
}

function objectsStage({ targets }: CrystalProject, options: RecipeOptions): string {
  const { release = true, debug = false, link = 'static' } = options;
  const flags = [
    ...(release ? ['--release'] : []),
    debug ? '--debug' : '--no-debug',
    ...(link === 'static' ? ['--static'] : []),
    ...commonFlags(options),
  ].join(' ');
  return [
    '# Objects for the machine that the image is for, and what they are to be linked with.',
    'FROM sources AS objects',
    'COPY --from=look /look /look',
    'ARG TARGETARCH TARGETVARIANT',
    runScript(
      [
        'case $TARGETARCH$TARGETVARIANT in',
        ...MACHINES.map(({ pattern, triplet }) => `  ${pattern}) target=${triplet} ;;`),
        '  *) echo "the compiler cannot be told to compile for $TARGETARCH$TARGETVARIANT" >&2; exit 1 ;;',
        'esac;',
        'set -e; mkdir /out; export CRYSTAL_CACHE_DIR=/root/.cache/crystal/$target;',
        ...targets.map(
          ({ name, main }) =>
            `crystal build ${main} --no-color -o /out/${name} --cross-compile --target $target ${flags} $(cat /look/${name}.flags) > /out/${name}.link;`,
        ),
        // A library, and the dependencies that ask for it; those by path are links, which only arguments follow
        'for library in $(cat /out/*.link | grep -oE -- "[ \']-l[A-Za-z0-9_+.-]+" | tr -d " \'" | cut -c3- | sort -u); do',
        `  echo "$library" $(cd lib && grep -rlE "@\\[Link\\(.*\\"$library\\"" --include=*.cr */ 2> /dev/null | cut -d/ -f1 | sort -u);`,
        'done > /out/libraries',
      ],
      [CRYSTAL_CACHE],
    ),
  ].join('\n');
}

import { PROBE_PATH, probeSource } from './health.ts';
import { dockerWord, runScript } from './shell.ts';
import type { RecipeOptions } from './types.ts';

/** User and group of the program: nobody else's, and never root. */
const USER = 65532;

const BASES: Readonly<Record<string, string>> = { alpine: 'alpine:3', debian: 'debian:trixie-slim' };

/** What an image is made of, whatever the language. */
export type ImageParts = {
  /** Names of programs; the first one is what the image starts. */
  readonly programs: readonly string[];
  /** Instructions that put them into `/usr/local/bin` of the image. */
  readonly copies: readonly string[];
  /** Of `org.opencontainers.image`, by their last word. */
  readonly labels: Readonly<Record<string, string | undefined>>;
  /** The commit that is checked out. */
  readonly commit: string | undefined;
  /** Files and directories of the project that the programs read. */
  readonly files: readonly string[];
  readonly tools: Tools;
};

/** Where the files come from that an image has beside its programs. */
export type Tools = {
  /** The stage that has them. */
  readonly stage: string;
  /** Commands before all others there. */
  readonly prelude?: string;
  /** Path of a static tini. */
  readonly tini: string;
  /** The stage that was told what the programs use, in `/look`; without one everything is there. */
  readonly look?: string;
};

/** What is in an image beside the programs, and the image itself. */
export function imageStages(parts: ImageParts, options: RecipeOptions): string[] {
  return [rootStage(parts, options), imageStage(parts, options)];
}

const bare = ({ base = 'scratch' }: RecipeOptions): boolean => base === 'scratch' || base === 'distroless';

function rootStage({ files, tools }: ImageParts, options: RecipeOptions): string {
  const { stage, prelude, tini, look } = tools;
  const { init = true, tls, timezones, base } = options;
  const all = base === 'distroless' || look === undefined;
  const lines = [
    `set -e; ${prelude === undefined ? '' : `${prelude} `}mkdir -p /root-files/usr/bin /root-files/app;`,
    ...(init ? [`cp ${tini} /root-files/usr/bin/tini;`] : []),
    ...(options.healthUrl === undefined ? [] : probeLines(options.healthUrl)),
    `cd /root-files; mkdir -p etc/ssl/certs usr/lib/ssl usr/share${bare(options) ? ' tmp home/nonroot' : ''};`,
    ...(bare(options) ? BARE : []),
    ...usedLines({ tls: tls !== 'off', timezones: timezones !== 'off', all }),
    ...files.map(
      (path) => `mkdir -p /root-files/app/${parent(path)}; cp -a ${path} /root-files/app/${path};`,
    ),
    `chown -R ${USER}:${USER} /root-files/app`,
  ];
  return [
    '# What the program needs beside itself.',
    `FROM ${stage} AS root-files`,
    ...(look === undefined ? [] : [`COPY --from=${look} /look /look`]),
    ...files.map((path) => `COPY ${path} ${path}`),
    runScript(lines),
  ].join('\n');
}

const parent = (path: string): string => path.split('/').slice(0, -1).join('/');

/** musl makes a program of some kilobytes, whatever it is compiled for. */
function probeLines(url: string): string[] {
  const lines = probeSource(url).map((line) => `'${line}'`);
  return [
    `printf '%s\\n' ${lines.join(' \\\n      ')} > /tmp/probe.c;`,
    'cc -Os -s -static -fno-pie -no-pie -fno-stack-protector -nostdinc -isystem /usr/include/$MUSL -nostdlib \\',
    `  -o /root-files${PROBE_PATH} /usr/lib/$MUSL/crt1.o /usr/lib/$MUSL/crti.o /tmp/probe.c \\`,
    '  /usr/lib/$MUSL/libc.a $(cc -print-libgcc-file-name) /usr/lib/$MUSL/crtn.o;',
  ].map((line) => line.replace(/ \\$/, ''));
}

/** Of an image that begins with nothing. */
const BARE: readonly string[] = [
  "printf 'root:x:0:0:root:/root:/sbin/nologin\\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\\n' > etc/passwd;",
  "printf 'root:x:0:\\nnonroot:x:65532:\\n' > etc/group;",
  "echo 'hosts: files dns' > etc/nsswitch.conf;",
  `chmod 1777 tmp; chown ${USER}:${USER} home/nonroot;`,
];

type Used = { readonly tls: boolean; readonly timezones: boolean; readonly all: boolean };

/** Certificates and time zones where programs use them, whatever the image stands on. */
function usedLines({ tls, timezones, all }: Used): string[] {
  const when = (file: string): string => (all ? '' : `if [ -e /look/${file} ]; then `);
  const end = all ? '' : ' fi;';
  return [
    // OpenSSL of Debian looks for the second name
    ...(tls
      ? [
          `${when('tls')}cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/; ln -s /etc/ssl/certs/ca-certificates.crt usr/lib/ssl/cert.pem;${end}`,
        ]
      : []),
    ...(timezones ? [`${when('timezones')}cp -a /usr/share/zoneinfo usr/share/zoneinfo;${end}`] : []),
    'rmdir --ignore-fail-on-non-empty etc/ssl/certs etc/ssl etc usr/lib/ssl usr/lib usr/share; cd /src;',
  ];
}

function imageStage(parts: ImageParts, options: RecipeOptions): string {
  const { init = true, expose = [], base = 'scratch' } = options;
  const program = `/usr/local/bin/${parts.programs[0] ?? ''}`;
  const entrypoint = [...(init ? ['/usr/bin/tini', '--'] : []), program];
  return [
    '# The image: the compiler stays behind.',
    `FROM ${bare(options) ? 'scratch' : (BASES[base] ?? base)}`,
    ...labels(parts.labels),
    ...(parts.commit === undefined ? [] : REVISION),
    'COPY --from=root-files /root-files/ /',
    ...parts.copies,
    `USER ${USER}:${USER}`,
    'WORKDIR /app',
    ...expose.map((port) => `EXPOSE ${port}`),
    ...health(options),
    `ENTRYPOINT ${JSON.stringify(entrypoint)}`,
  ].join('\n');
}

const REVISION = [
  '# The commit: --build-arg REVISION=$(git rev-parse HEAD)',
  'ARG REVISION',
  'LABEL org.opencontainers.image.revision=$REVISION',
];

/** @see https://specs.opencontainers.org/image-spec/annotations/ */
function labels(all: ImageParts['labels']): string[] {
  const known = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [`org.opencontainers.image.${key}=${dockerWord(value)}`],
  );
  return known.length === 0 ? [] : [`LABEL ${known.join(' \\\n      ')}`];
}

function health({ healthCommand, healthUrl }: RecipeOptions): string[] {
  const command = healthCommand ?? (healthUrl === undefined ? undefined : [PROBE_PATH]);
  return command === undefined ? [] : [`HEALTHCHECK CMD ${JSON.stringify(command)}`];
}

import { LapidaryError, quoted } from '../errors/index.ts';
import { formatPlatform, type Platform } from '../oci/index.ts';
import { isMirrorUri } from './debian-sources.ts';

/** Keys of Debian's archive: package debian-archive-keyring. */
export const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** What Debian's slim images leave out of every package, and what they keep of that. */
const SLIM_RULES: readonly string[] = [
  ...['doc', 'groff', 'info', 'linda', 'lintian', 'locale', 'man'].map(
    (name) => `path-exclude=/usr/share/${name}/*`,
  ),
  'path-include=/usr/share/doc/*/copyright',
  'path-include=/usr/share/locale/locale.alias',
];

/** What the host leaves behind in the image: apt's options of this bootstrap, names and logs. */
const CLEANUP = [
  'rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/hostname"',
  'rm -f "$1/var/cache/ldconfig/aux-cache" "$1/var/log/alternatives.log" "$1/var/log/bootstrap.log" "$1/var/log/dpkg.log"',
  'rm -rf "$1"/var/log/apt/*',
  ': > "$1/etc/resolv.conf"',
].join(' && ');

/** Debian's name of an architecture by `arch` or `arch/variant`. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: 'amd64',
  '386': 'i386',
  arm64: 'arm64',
  'arm/v7': 'armhf',
  'arm/v6': 'armel',
  'arm/v5': 'armel',
  ppc64le: 'ppc64el',
  s390x: 's390x',
  riscv64: 'riscv64',
  mips64le: 'mips64el',
};

export type DebianSelection = {
  readonly suite: string;
  readonly slim: boolean;
  readonly platform: Platform;
  readonly include: readonly string[];
  readonly allowExpired: boolean;
};

/**
 * The command line of mmdebstrap(1): the tar goes to standard output. Nothing that is given can become an option, a
 * file or a source line of its own.
 *
 * @throws LapidaryError USAGE, UNSUPPORTED
 */
export function mmdebstrapArguments(selection: DebianSelection, mirror: string): string[] {
  const { suite, slim, platform, include, allowExpired } = selection;
  check(/^[a-z][a-z0-9.-]*$/.test(suite), 'not a suite of Debian', suite, 'such as trixie');
  for (const name of include) {
    const good = /^[a-z0-9][a-z0-9+.-]*(?::[a-z0-9]+)?(?:=[A-Za-z0-9.+~:-]+)?$/.test(name);
    check(good, 'not a package name', name, 'such as ca-certificates');
  }
  check(isMirrorUri(mirror), 'not the URI of an archive', mirror, 'such as https://host/debian');
  return [
    '--variant=minbase',
    '--format=tar',
    // It would ask other programs: what it starts can execute the architecture, or says that it cannot
    '--skip=check/qemu',
    `--architectures=${debianArchitecture(platform)}`,
    '--components=main',
    `--keyring=${KEYRING}`,
    ...(include.length > 0 ? [`--include=${include.join(',')}`] : []),
    ...(slim ? SLIM_RULES.map((rule) => `--dpkgopt=${rule}`) : []),
    ...(allowExpired ? ['--aptopt=Acquire::Check-Valid-Until "false"'] : []),
    `--customize-hook=${CLEANUP}`,
    suite,
    '-',
    mirror,
  ];
}

function debianArchitecture(platform: Platform): string {
  const { os, architecture, variant } = platform;
  const name = ARCHITECTURES[variant ? `${architecture}/${variant}` : architecture];
  if (os === 'linux' && name !== undefined) return name;
  throw new LapidaryError('UNSUPPORTED', `there is no Debian for ${quoted(formatPlatform(platform))}`, {
    hint: `it exists for ${Object.keys(ARCHITECTURES).join(', ')}`,
  });
}

function check(good: boolean, what: string, text: string, example: string): void {
  if (!good) throw new LapidaryError('USAGE', `${what}: ${quoted(text)}`, { hint: example });
}

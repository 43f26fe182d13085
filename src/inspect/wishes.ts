import { closureOf, type Found } from '../elf/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { Setting } from '../plan/index.ts';
import { instructionOf, type PreflightFinding } from './finding.ts';
import type { Scene } from './scene.ts';

/** Where programs look for the authorities that they trust, on all distributions. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/usr/lib/ssl/cert.pem',
];
const DIRECTORIES = ['/etc/ssl/certs', '/usr/lib/ssl/certs', '/etc/pki/tls/certs'];
const TLS_LIBRARIES = [/(?:^|\/)libssl\.so[^/]*$/, /(?:^|\/)libgnutls\.so[^/]*$/];
/** In programs that have such a library inside, wherever its directory is. */
const MARKS = ['/ssl/certs', '/ssl/cert.pem', '/certs/ca-'].map((text) => Buffer.from(text));
const CHUNK = 4 * 1024 * 1024;
/** A program is not read beyond this. */
const MOST_READ = 256 * 1024 * 1024;

/** Certificates that a program is likely to want, since it brings what verifies them. */
export async function certificateFindings(
  scene: Scene,
  setting: Setting,
  program: Found,
): Promise<PreflightFinding[]> {
  if (scene.env.has('SSL_CERT_FILE') || scene.env.has('SSL_CERT_DIR') || hasBundle(scene)) return [];
  const because = await tlsOf(scene, program);
  if (because === undefined) return [];
  return [
    {
      rule: 'CertificatesNotFound',
      setting,
      message: `${instructionOf(setting)} ${quoted(`/${program.path}`)} ${because}, and the image has no certificates of authorities to verify servers by`,
      hint: 'install ca-certificates, or copy /etc/ssl/certs/ca-certificates.crt from a stage that has it',
    },
  ];
}

/** By what a program verifies servers: `uses "/usr/lib/libssl.so.3"`; `undefined` where it does not. */
export async function tlsOf(scene: Scene, program: Found): Promise<string | undefined> {
  const library = tlsLibrary(await pathsOf(scene, program));
  if (library !== undefined) return `uses ${quoted(`/${library}`)}`;
  return (await isMarked(scene, program)) ? 'contains a TLS library' : undefined;
}

/** The library among the files that a program is made of. */
function tlsLibrary(paths: readonly string[]): string | undefined {
  for (const pattern of TLS_LIBRARIES) {
    const found = paths.find((path) => pattern.test(path));
    if (found !== undefined) return found;
  }
  return undefined;
}

function hasBundle({ files }: Scene): boolean {
  return (
    BUNDLES.some((path) => (files.find(path)?.node.size ?? 0) > 0) ||
    DIRECTORIES.some((path) => (files.resolve(path).node?.children?.size ?? 0) > 0)
  );
}

async function pathsOf({ filesystem, libraryPath, path }: Scene, program: Found): Promise<readonly string[]> {
  try {
    return (await closureOf(filesystem, { roots: [`/${program.path}`], libraryPath, path })).paths;
  } catch (error) {
    if (error instanceof LapidaryError) return [];
    throw error;
  }
}

async function isMarked({ filesystem }: Scene, { node }: Found): Promise<boolean> {
  const source = filesystem.open(node);
  const overlap = Math.max(...MARKS.map((mark) => mark.length));
  const end = Math.min(node.size, MOST_READ);
  for (let at = 0; at < end; at += CHUNK) {
    const bytes = Buffer.from(await source.read(at, CHUNK + overlap));
    if (MARKS.some((mark) => bytes.includes(mark))) return true;
  }
  return false;
}

/** A zone that the image names and does not have: programs then take UTC without a word. */
export function timezoneFindings({ env, files }: Scene): PreflightFinding[] {
  const zone = /^:?([A-Z][A-Za-z_]+(?:\/[\w+-]+)+)$/.exec(env.get('TZ') ?? '')?.[1];
  if (zone === undefined || env.has('TZDIR') || env.has('ZONEINFO')) return [];
  if (files.find(`/usr/share/zoneinfo/${zone}`) !== undefined) return [];
  return [
    {
      rule: 'TimezoneNotFound',
      setting: 'Env TZ',
      message: `ENV TZ=${zone}: the image has no ${quoted(`/usr/share/zoneinfo/${zone}`)}, so that times are in UTC`,
      hint: 'install tzdata, or copy this file; a program that brings its own zones needs neither',
    },
  ];
}

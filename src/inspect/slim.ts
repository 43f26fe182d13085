import { dirname } from 'node:path/posix';
import { closureOf, type Found, type Missing } from '../elf/index.ts';
import { LapidaryError, quoted } from '../errors/index.ts';
import {
  captureEntries,
  type Entry,
  finish,
  nearestNames,
  sourcePaths,
  Tree,
  type TreeNode,
} from '../tree/index.ts';
import { type DirectorySize, directorySizes } from './directory-sizes.ts';
import type { ImageContents } from './image-contents.ts';
import { openScene, type Scene } from './scene.ts';
import { commandRoots, type SlimRoot } from './slim-roots.ts';
import { tlsOf } from './wishes.ts';

export type SlimPlan = {
  /** The one layer of the result, each entry as it is in the image. */
  readonly entries: readonly Entry[];
  readonly roots: readonly SlimRoot[];
  /** What programs need and the image does not have. */
  readonly missing: readonly Missing[];
  /** All files that are not kept. */
  readonly leftOut: DirectorySize;
  readonly kept: { readonly bytes: number; readonly files: number };
  /** What somebody should know, as sentences. */
  readonly notes: readonly string[];
};

/**
 * An image with nothing but what its entrypoint, command and health check and the given paths need to be started:
 * programs, loaders, libraries, interpreters, links, accounts, certificates. Paths are absolute and may have wildcards.
 * @throws LapidaryError SLIM_UNKNOWN when that cannot be known and no path says it; PATH_NOT_FOUND
 */
export async function planSlim(image: ImageContents, paths: readonly string[]): Promise<SlimPlan> {
  const { filesystem, platform } = image;
  const { scene } = await openScene({ config: image.config.config ?? {}, platform, filesystem });
  const { roots: started, programs, doubts } = await commandRoots(scene);
  const named = paths.flatMap((path) => namedRoots(scene, path));
  if (started.length + named.length === 0)
    throw new LapidaryError('SLIM_UNKNOWN', 'the image starts nothing, so nothing of it would be kept', {
      hint: HINT,
    });
  if (doubts.length > 0 && paths.length === 0) throw unknown(doubts);
  const asked = [...started, ...named];
  const first = await closure(scene, asked);
  const roots = [
    ...asked,
    ...loaderRoots(scene, first.paths),
    ...((await anyTls(scene, [...programs, ...filesOf(scene, named)]))
      ? present(scene, CERTIFICATES, 'certificates')
      : []),
    ...present(scene, [...ACCOUNTS, ...zoneFiles(scene), ...localeFiles(scene)], 'accounts, names and times'),
  ];
  const all = await closure(scene, roots);
  const links = programs.flatMap((program) => program.links);
  const keep = withParents([...all.paths, ...links, ...directories(scene)]);
  return {
    entries: finish(captureEntries(Tree.empty, scene.files.tree, keep)),
    roots: asked,
    missing: all.missing,
    ...split(scene.files.tree, keep),
    notes: [
      ...doubts.map((doubt) => `${doubt}: whether all that it needs was named is not known`),
      ...workdirNote(scene, keep),
    ],
  };
}

const filesOf = ({ files }: Scene, roots: readonly SlimRoot[]): Found[] =>
  roots.flatMap(({ path }) => files.find(path) ?? []);

const HINT = 'name what it needs behind the image, such as /app /usr/bin/env';

function unknown(doubts: readonly string[]): LapidaryError {
  const [first = '', ...others] = doubts;
  return new LapidaryError('SLIM_UNKNOWN', `${first}, so what it needs cannot be known`, {
    notes: others,
    hint: HINT,
  });
}

function namedRoots({ files }: Scene, path: string): SlimRoot[] {
  const { paths, missing } = finish(sourcePaths(files.tree, path));
  if (missing.length === 0 && paths.length > 0)
    return paths.map((one) => ({ path: `/${one}`, why: 'named' }));
  const [near] = nearestNames(files.tree, path);
  throw new LapidaryError('PATH_NOT_FOUND', `there is no ${quoted(path)} in the image`, {
    hint:
      near === undefined ? 'expected a path or pattern of the image' : `did you mean ${quoted(`/${near}`)}?`,
  });
}

function closure(scene: Scene, roots: readonly SlimRoot[]): ReturnType<typeof closureOf> {
  const { filesystem, libraryPath, path } = scene;
  return closureOf(filesystem, { roots: roots.map((root) => root.path), libraryPath, path });
}

function present({ files }: Scene, paths: readonly string[], why: string): SlimRoot[] {
  return paths.flatMap((path) => (files.resolve(path).node === undefined ? [] : [{ path, why }]));
}

/** What the GNU C library opens by itself, of its own and of the loader's configuration. */
const LOADED_LATER = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2', 'libgcc_s.so.1'];
const LOADER_FILES = ['/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d'];

function loaderRoots(scene: Scene, paths: readonly string[]): SlimRoot[] {
  const libc = paths.find((path) => /(?:^|\/)libc\.so\.6$/.test(path));
  const beside = libc === undefined ? [] : LOADED_LATER.map((name) => `/${dirname(libc)}/${name}`);
  const musl = [...(scene.files.resolve('/etc').node?.children?.keys() ?? [])].filter((name) =>
    /^ld-musl-.*\.path$/.test(name),
  );
  const files = libc === undefined ? musl.map((name) => `/etc/${name}`) : LOADER_FILES;
  return present(scene, [...beside, ...files], 'the loader');
}

const CERTIFICATES = [
  '/etc/ssl/certs',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/openssl.cnf',
  '/usr/lib/ssl/certs',
  '/usr/lib/ssl/cert.pem',
  '/usr/lib/ssl/openssl.cnf',
  '/etc/pki/tls',
  '/etc/pki/ca-trust/extracted',
];
const ACCOUNTS = [
  '/etc/passwd',
  '/etc/group',
  '/etc/nsswitch.conf',
  '/etc/host.conf',
  '/etc/gai.conf',
  '/etc/services',
  '/etc/protocols',
  '/etc/localtime',
  '/etc/timezone',
];

async function anyTls(scene: Scene, programs: readonly Found[]): Promise<boolean> {
  for (const program of programs) if ((await tlsOf(scene, program)) !== undefined) return true;
  return false;
}

function zoneFiles({ env }: Scene): string[] {
  const zone = env.get('TZ')?.replace(/^:/, '');
  return zone === undefined || zone === '' ? [] : [`/usr/share/zoneinfo/${zone}`];
}

function localeFiles({ env }: Scene): string[] {
  const locale = env.get('LC_ALL') || env.get('LANG') || 'C';
  return /^(?:C|POSIX)$/.test(locale) ? [] : ['/usr/lib/locale'];
}

const EXPECTED = ['/tmp', '/var/tmp', '/run', '/var/run', '/proc', '/sys', '/dev', '/etc'];

/** Directories that programs expect, as they are, without what is in them. */
function directories({ files, config, home }: Scene): string[] {
  const wanted = [
    ...EXPECTED,
    ...[config.WorkingDir, home].filter((path) => path !== undefined),
    ...Object.keys(config.Volumes ?? {}),
  ];
  return wanted.flatMap((path) => {
    const { path: at, node, links } = files.resolve(path);
    return node === undefined ? [] : [...links, at];
  });
}

function withParents(paths: readonly string[]): ReadonlySet<string> {
  const keep = new Set<string>();
  for (const path of paths) {
    for (let at = path; at !== '' && at !== '.' && !keep.has(at); at = dirname(at)) keep.add(at);
  }
  return keep;
}

const isFile = ({ node }: { readonly node: TreeNode }): boolean => node.inode.type === 'file';

function split(tree: Tree, keep: ReadonlySet<string>): Pick<SlimPlan, 'kept' | 'leftOut'> {
  const files = [...tree.walk()].filter(isFile).map(({ path }) => path);
  const treeOf = (paths: readonly string[]): Tree =>
    Tree.of([finish(captureEntries(Tree.empty, tree, paths))]);
  const kept = directorySizes(treeOf(files.filter((path) => keep.has(path))), 0);
  return {
    kept: { bytes: kept.bytes, files: kept.files },
    leftOut: directorySizes(treeOf(files.filter((path) => !keep.has(path))), 2),
  };
}

/** The author of an image has put into its working directory what the program reads. */
function workdirNote({ files, config }: Scene, keep: ReadonlySet<string>): string[] {
  const { path, node } = files.resolve(config.WorkingDir || '/');
  if (path === '' || node?.children === undefined) return [];
  const left = [...files.tree.walk(path)].filter((one) => isFile(one) && !keep.has(one.path));
  if (left.length === 0) return [];
  const count = left.length === 1 ? '1 file' : `${left.length} files`;
  return [`${count} of the working directory ${quoted(`/${path}`)} are left out: name it to keep them`];
}

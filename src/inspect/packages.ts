import { type Filesystem, ImageFiles } from '../elf/index.ts';
import type { Inode } from '../tree/index.ts';

/** A package of a distribution, and what its files take. */
export type PackageSize = {
  readonly name: string;
  readonly version: string;
  readonly bytes: number;
  readonly files: number;
};

type Listed = { readonly name: string; readonly version: string; readonly paths: readonly string[] };

/** Larger than any list of packages that means well. */
const MAX_LIST = 64 * 1024 * 1024;
const DPKG = '/var/lib/dpkg';
const APK = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];

/**
 * The packages that dpkg and apk have written down, the largest first. A file that several name is the first one's.
 * What a package makes when it is installed, and what a distribution keeps in a database of another form, is nobody's.
 */
export async function packageSizes(filesystem: Filesystem): Promise<PackageSize[]> {
  const files = new ImageFiles(filesystem);
  const listed = [
    ...(await dpkgPackages(files)),
    ...(await distrolessPackages(files)),
    ...(await apkPackages(files)),
  ];
  const counted = new Set<Inode>();
  const sizes = listed.map(({ name, version, paths }): PackageSize => {
    let [bytes, count] = [0, 0];
    for (const path of paths) {
      const inode = files.resolve(path, { follow: false }).node?.inode;
      if (inode?.type !== 'file' || counted.has(inode)) continue;
      counted.add(inode);
      bytes += inode.size;
      count += 1;
    }
    return { name, version, bytes, files: count };
  });
  return sizes.sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

const namesIn = (files: ImageFiles, path: string): string[] =>
  [...(files.resolve(path).node?.children?.keys() ?? [])].sort();

const linesOf = (text = ''): string[] => text.split('\n').filter((line) => line !== '');

/** Source: dpkg(1), "FILES"; deb-control(5). */
async function dpkgPackages(files: ImageFiles): Promise<Listed[]> {
  const versions = new Map(stanzas(await files.text(`${DPKG}/status`, MAX_LIST)));
  const lists = namesIn(files, `${DPKG}/info`).filter((name) => name.endsWith('.list'));
  return Promise.all(
    lists.map(async (list) => {
      const name = list.slice(0, -'.list'.length).replace(/:.*/, '');
      const paths = linesOf(await files.text(`${DPKG}/info/${list}`, MAX_LIST));
      return { name, version: versions.get(name) ?? '', paths };
    }),
  );
}

/** Images made of packages without dpkg have a stanza in a file of its own, and digests of the files beside it. */
async function distrolessPackages(files: ImageFiles): Promise<Listed[]> {
  const directory = `${DPKG}/status.d`;
  const names = namesIn(files, directory).filter((name) => !name.endsWith('.md5sums'));
  return Promise.all(
    names.map(async (file) => {
      const [[name, version] = [file, '']] = stanzas(await files.text(`${directory}/${file}`, MAX_LIST));
      const sums = linesOf(await files.text(`${directory}/${file}.md5sums`, MAX_LIST));
      return { name, version, paths: sums.map((line) => `/${line.replace(/^\S+ +/, '')}`) };
    }),
  );
}

function stanzas(text = ''): (readonly [name: string, version: string])[] {
  return text.split('\n\n').flatMap((stanza) => {
    const name = /^Package: *(\S+)/m.exec(stanza)?.[1];
    return name === undefined ? [] : [[name, /^Version: *(\S+)/m.exec(stanza)?.[1] ?? ''] as const];
  });
}

/** Source: apk-tools, doc/apk-package; the fields P, V, F (a directory) and R (a file of it). */
async function apkPackages(files: ImageFiles): Promise<Listed[]> {
  const texts = await Promise.all(APK.map((path) => files.text(path, MAX_LIST)));
  const text = texts.find((one) => one !== undefined) ?? '';
  return text.split('\n\n').flatMap((stanza): Listed[] => {
    let [name, version, directory] = ['', '', ''];
    const paths: string[] = [];
    for (const line of stanza.split('\n')) {
      const value = line.slice(2);
      if (line.startsWith('P:')) name = value;
      else if (line.startsWith('V:')) version = value;
      else if (line.startsWith('F:')) directory = value;
      else if (line.startsWith('R:')) paths.push(`/${directory}/${value}`);
    }
    return name === '' ? [] : [{ name, version, paths }];
  });
}

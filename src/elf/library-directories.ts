import { matchesGlob } from 'node:path/posix';
import type { ElfTarget } from './elf-object.ts';
import type { ImageFiles } from './image-files.ts';
import { defaultDirectories, type Loader, muslPathFile } from './loader.ts';

/** Files that include each other: more is a circle. */
const MAX_DEPTH = 16;

/**
 * The directories that a filesystem's loader searches for every library, in order: those that are configured, then those
 * that are built in. glibc reads a cache that ldconfig has made of the former; the configuration says the same and is
 * there for foreign processors too.
 */
export async function libraryDirectories(
  files: ImageFiles,
  loader: Loader,
  target: ElfTarget,
): Promise<readonly string[]> {
  const builtIn = defaultDirectories(loader, target);
  if (loader === 'musl') {
    const text = await files.text(muslPathFile(target));
    return text === undefined ? builtIn : text.split(/[:\n]/).filter((line) => line.startsWith('/'));
  }
  return [...new Set([...(await configured(files, '/etc/ld.so.conf', 0)), ...builtIn])];
}

/** Source: ldconfig(8); a line is a directory, `include PATTERN`, or `hwcap …`, which is gone from glibc. */
async function configured(files: ImageFiles, path: string, depth: number): Promise<string[]> {
  const text = depth > MAX_DEPTH ? undefined : await files.text(path);
  const directories: string[] = [];
  for (const raw of text?.split('\n') ?? []) {
    const line = raw.replace(/#.*/, '').trim();
    const [first = '', ...patterns] = line.split(/[ \t]+/);
    if (first !== 'include') {
      directories.push(...line.split(/[\s:,]+/).filter((one) => one.startsWith('/')));
      continue;
    }
    for (const included of patterns.flatMap((pattern) => namesOf(files, pattern)))
      directories.push(...(await configured(files, included, depth + 1)));
  }
  return directories;
}

/** Files by a pattern in the last name of its path, sorted; relative patterns are below /etc. */
function namesOf(files: ImageFiles, pattern: string): string[] {
  const full = pattern.startsWith('/') ? pattern : `/etc/${pattern}`;
  const end = full.lastIndexOf('/');
  const [directory, last] = [full.slice(0, end), full.slice(end + 1)];
  const names = [...(files.tree.resolve(directory).node?.children?.keys() ?? [])];
  return names
    .filter((name) => !name.startsWith('.') && matchesGlob(name, last))
    .sort()
    .map((name) => `${directory}/${name}`);
}

import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type IgnoreRules, parseIgnore } from '../dockerfile/index.ts';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { loadIgnoreText } from './dockerfile-file.ts';

/** A file of a build context, or a directory that is excluded with all that is in it. */
export type ListedFile = {
  /** Relative to the context; a directory ends with a slash. */
  readonly path: string;
  readonly included: boolean;
  /** Bytes; of a directory those of its files. */
  readonly size: number;
  /** 1, or the number of files in an excluded directory. */
  readonly files: number;
  /** Line (from 1) and text of the ignore file that decided; absent where none did. */
  readonly line?: number;
  readonly rule?: string;
};

export type ContextListing = {
  /** Relative to the context where it is in it. */
  readonly ignoreFile?: string;
  readonly files: readonly ListedFile[];
  readonly included: { readonly files: number; readonly size: number };
  readonly excluded: { readonly files: number; readonly size: number };
};

/**
 * Every file of a directory as a build context, with the rule that kept or excluded it, sorted by path.
 * @throws LapidaryError CONTEXT_UNREADABLE, PATTERN_INVALID
 */
export async function listContext(root: string, dockerfilePath?: string): Promise<ContextListing> {
  const ignore = await loadIgnoreText(root, dockerfilePath);
  const walk: Walk = {
    root,
    rules: ignore && parseIgnore(ignore.text),
    lines: ignore?.text.split(/\r?\n/) ?? [],
    files: [],
  };
  await listDirectory('', walk);
  const total = (included: boolean): ContextListing['included'] => {
    const some = walk.files.filter((file) => file.included === included);
    const sum = (of: (file: ListedFile) => number): number => some.reduce((all, file) => all + of(file), 0);
    return { files: sum(({ files }) => files), size: sum(({ size }) => size) };
  };
  return {
    ...(ignore && { ignoreFile: displayName(root, ignore.path) }),
    files: walk.files.sort((a, b) => (a.path < b.path ? -1 : 1)),
    included: total(true),
    excluded: total(false),
  };
}

type Walk = {
  readonly root: string;
  readonly rules: IgnoreRules | undefined;
  readonly lines: readonly string[];
  readonly files: ListedFile[];
};

function displayName(root: string, path: string): string {
  const inside = relative(root, path);
  return inside.startsWith('..') ? path : inside;
}

async function listDirectory(directory: string, walk: Walk): Promise<void> {
  for (const entry of await entriesOf(join(walk.root, directory))) {
    const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
    const { excluded, line } = walk.rules?.explain(path) ?? { excluded: false, line: undefined };
    const why = line === undefined ? {} : { line, rule: walk.lines[line - 1]?.trim() ?? '' };
    if (!entry.isDirectory()) {
      const size = entry.isFile() ? (await lstat(join(walk.root, path))).size : 0;
      walk.files.push({ path, included: !excluded, size, files: 1, ...why });
    } else if (excluded && walk.rules?.canSkipDirectory(path) === true) {
      const { files, size } = await measure(join(walk.root, path));
      walk.files.push({ path: `${path}/`, included: false, size, files, ...why });
    } else await listDirectory(path, walk);
  }
}

async function measure(directory: string): Promise<{ files: number; size: number }> {
  let [files, size] = [0, 0];
  for (const entry of await entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      const below = await measure(path);
      files += below.files;
      size += below.size;
    } else {
      files += 1;
      size += entry.isFile() ? (await lstat(path)).size : 0;
    }
  }
  return { files, size };
}

async function entriesOf(directory: string): ReturnType<typeof readEntries> {
  try {
    return await readEntries(directory);
  } catch (cause) {
    throw new LapidaryError(
      'CONTEXT_UNREADABLE',
      `the directory ${quoted(directory)} cannot be read: ${messageOf(cause)}`,
      { cause },
    );
  }
}

const readEntries = (directory: string): Promise<Dirent[]> => readdir(directory, { withFileTypes: true });

import { LapidaryError, quoted } from '../errors/index.ts';
import { formatPlatform, type Platform } from '../oci/index.ts';
import { type Entry, type Steps, sortEntries } from '../tree/index.ts';

/** The files of one platform; with a directory they go below it. */
export type RootFilesystem = {
  readonly platform: Platform;
  readonly entries: readonly Entry[];
  readonly directory?: string;
};

/** As BuildKit calls it: `linux_arm_v7`. */
export const directoryOf = (platform: Platform): string => formatPlatform(platform).replaceAll('/', '_');

/**
 * All of them as entries of one layer, in canonical order.
 * @throws LapidaryError EXPORT_FAILED when two have a file of one name
 */
export function* joinRoots(roots: readonly RootFilesystem[]): Steps<readonly Entry[]> {
  const [only, another] = roots;
  if (only !== undefined && another === undefined && only.directory === undefined) return only.entries;
  const joined = new Map<string, { readonly entry: Entry; readonly platform: Platform }>();
  for (const { platform, entries, directory } of roots) {
    const placed = directory === undefined ? entries : below(directory, entries);
    for (const entry of placed) {
      const known = joined.get(entry.path);
      if (known === undefined) joined.set(entry.path, { entry, platform });
      else if (!isDirectory(entry) || !isDirectory(known.entry))
        throw conflict(entry.path, known.platform, platform);
    }
  }
  return yield* sortEntries([...joined.values()].map(({ entry }) => entry));
}

const isDirectory = (entry: Entry): boolean => entry.kind === 'node' && entry.node.type === 'dir';

function below(directory: string, entries: readonly Entry[]): Entry[] {
  const inside = (path: string): string => (path === '' ? directory : `${directory}/${path}`);
  const moved = entries.map((entry): Entry => {
    if (entry.kind === 'hardlink')
      return { ...entry, path: inside(entry.path), target: inside(entry.target) };
    return { ...entry, path: inside(entry.path) };
  });
  if (entries.some(({ path }) => path === '')) return moved;
  const node = { type: 'dir', mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 } as const;
  return [{ kind: 'node', path: directory, node }, ...moved];
}

function conflict(path: string, first: Platform, second: Platform): LapidaryError {
  const [a, b] = [formatPlatform(first), formatPlatform(second)];
  return new LapidaryError('EXPORT_FAILED', `${quoted(`/${path}`)} is there for ${a} and for ${b}`, {
    hint: 'leave out platform-split=false, so that each platform has a directory of its own',
  });
}

import { LapidaryError, quoted } from '../errors/index.ts';
import type { Chmod } from './chmod.ts';
import { LayerDraft, type NewDirectory } from './draft.ts';
import type { Entry, Inode } from './entry.ts';
import { cleanPath, joinPath } from './path.ts';
import type { SelectedItem, SelectedNode, Selection } from './selection.ts';
import { eachStep, type Steps } from './steps.ts';
import type { Tree } from './tree.ts';

export type PlaceOptions = {
  /** Absolute. A trailing slash says that it is a directory. */
  readonly destination: string;
  /** Owner of everything that is copied, and of directories made on the way; else the source's own, and 0:0. */
  readonly chown?: { readonly uid: number; readonly gid: number };
  /** Given in digits, it is also the mode of directories made on the way; else that is 0755. */
  readonly chmod?: Chmod;
  /** Seconds since 1970: the time of directories made on the way. */
  readonly newDirTime: number;
};

/**
 * The layer that a COPY makes over `base`, item by item. Directories give their contents; a file goes into the
 * destination when that ends with a slash or is a directory by then, else it becomes the destination. Links of the base
 * on the way to the destination are followed inside its root; below it none is: a file replaces a link of its name, and
 * a directory cannot.
 *
 * @throws LapidaryError COPY_CONFLICT, NOT_A_DIRECTORY
 * Source: Dockerfile reference, "COPY"; BuildKit's fsutil copy.
 */
export function* placeSelection(base: Tree, selection: Selection, options: PlaceOptions): Steps<Entry[]> {
  const { destination } = options;
  const layer = new LayerDraft(base, newDirectory(options));
  const { path } = base.resolve(cleanPath(destination));
  const change = changer(options);
  let count = 0;
  for (const item of selection.items) {
    if (++count % 256 === 0) yield;
    if (item.kind === 'contents') yield* placeContents({ layer, directory: path, change }, item);
    else if (destination.endsWith('/') || path === '' || layer.at(path)?.type === 'dir') {
      refuseFile(layer, path, destination);
      // A link with the file's own name is replaced, not written through, as BuildKit does it
      layer.put(joinPath(path, item.name), change(item.inode));
    } else layer.put(path, change(item.inode));
  }
  return yield* layer.entries();
}

function refuseFile(layer: LayerDraft, directory: string, destination: string): void {
  const inode = layer.at(directory);
  if (inode === undefined || inode.type === 'dir') return;
  throw new LapidaryError(
    'COPY_CONFLICT',
    `the destination ${quoted(destination)} is a file in the image, not a directory`,
    {
      hint: 'leave out the trailing slash to replace it, or choose another destination',
    },
  );
}

export function newDirectory({ chown, chmod, newDirTime }: PlaceOptions): NewDirectory {
  const mode = typeof chmod === 'number' ? chmod & 0o777 : 0o755;
  return { mode, uid: chown?.uid ?? 0, gid: chown?.gid ?? 0, mtime: newDirTime, mtimeNs: 0 };
}

type Place = {
  readonly layer: LayerDraft;
  readonly directory: string;
  readonly change: (inode: Inode) => Inode;
};

function* placeContents(
  { layer, directory, change }: Place,
  item: Extract<SelectedItem, { kind: 'contents' }>,
): Steps<void> {
  refuseFile(layer, directory, `/${directory}`);
  layer.directory(directory);
  yield* eachStep(item.nodes, ({ path, inode, implied = false }: SelectedNode) => {
    const at = joinPath(directory, path);
    // A directory that is there already takes the source's mode and owner, but only the mode if it is just on the way
    const old = implied ? layer.at(at) : undefined;
    layer.put(at, old?.type === 'dir' ? { ...old, mode: inode.mode } : change(inode));
  });
}

type Changes = { readonly chown?: PlaceOptions['chown'] | undefined; readonly chmod?: Chmod | undefined };

/** Applies owner and mode; the same object in gives the same object out, so that hard links stay. */
export function changer({ chown, chmod }: Changes): (inode: Inode) => Inode {
  if (chown === undefined && chmod === undefined) return (inode) => inode;
  const known = new Map<Inode, Inode>();
  return (inode) => {
    const done = known.get(inode);
    if (done) return done;
    const isLink = inode.type === 'symlink';
    const mode = chmod === undefined || isLink ? inode.mode : chmodOf(chmod, inode);
    const changed = { ...inode, ...chown, mode };
    known.set(inode, changed);
    return changed;
  };
}

function chmodOf(chmod: Chmod, inode: Inode): number {
  return typeof chmod === 'number' ? chmod : chmod(inode.mode, inode.type === 'dir');
}

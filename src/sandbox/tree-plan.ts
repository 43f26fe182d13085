import { LapidaryError, quoted } from '../errors/index.ts';
import type { Entry, Inode } from '../tree/index.ts';
import { ancestorsOf, parentOf } from './host-path.ts';
import { DEFAULT_DIRECTORY } from './inode.ts';

/** A directory that entries stand in but the layer does not describe; never the root. */
export type ImpliedDirectory = {
  readonly path: string;
  /** Nothing is made in it: it only matters when the layers below have it. */
  readonly onlyHides: boolean;
};

/** What has to be made on disk so that overlayfs sees a layer's change. All paths as in entries. */
export type TreePlan = {
  /** Directories that the layer cannot share with those below, as it hides them, are in here even when implied. */
  readonly nodes: ReadonlyMap<string, Inode>;
  /** `target` is never itself a hard link of this layer. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly whiteouts: readonly string[];
  /** Directories that hide what lower layers have in them. */
  readonly opaque: ReadonlySet<string>;
  /** Those whose metadata is the one of the layers below; parents first. */
  readonly implied: readonly ImpliedDirectory[];
};

/** A plan in the making. */
type Draft = {
  readonly nodes: Map<string, Inode>;
  readonly targets: Map<string, string>;
  readonly whiteouts: Set<string>;
  readonly opaque: Set<string>;
};

function corrupt(path: string, why: string): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `a layer has an entry ${quoted(path)} that ${why}`);
}

/** A component that is empty, `.` or `..`, or a NUL anywhere. */
const UNCLEAN = /(?:^|\/)\.{0,2}(?:\/|$)|\0/;

function checkPath(path: string): void {
  if (path !== '' && UNCLEAN.test(path)) throw corrupt(path, 'is not a plain relative path');
}

/**
 * Sorts a layer's entries by what has to be done, so that the outcome is the one of `Tree.apply`. Every directory
 * in which something is made is a directory of the layer or implied: nothing can be made through a link, or outside.
 * @throws LapidaryError STORE_CORRUPT for entries that contradict each other or lead outside
 */
export function planTree(entries: readonly Entry[]): TreePlan {
  const draft: Draft = { nodes: new Map(), targets: new Map(), whiteouts: new Set(), opaque: new Set() };
  for (const entry of entries) {
    checkPath(entry.path);
    if (entry.kind === 'node') draft.nodes.set(entry.path, entry.node);
    else if (entry.kind === 'hardlink') draft.targets.set(entry.path, entry.target);
    else if (entry.kind === 'whiteout') draft.whiteouts.add(entry.path);
    else draft.opaque.add(entry.path);
  }
  if (draft.whiteouts.has('')) throw corrupt('', 'removes the root directory');
  const holders = directoriesOf(draft);
  replaceWhatHolds(draft, holders.all);
  hideReplaced(draft, holders.made);
  return {
    nodes: draft.nodes,
    links: [...draft.targets.keys()].map((path) => ({ path, target: resolveLink(draft.targets, path) })),
    whiteouts: [...draft.whiteouts],
    opaque: draft.opaque,
    implied: impliedOf(draft, holders),
  };
}

/** All directories that the entries stand in, and those of them in which something is made. */
type Holders = { readonly all: ReadonlySet<string>; readonly made: ReadonlySet<string> };

function directoriesOf({ nodes, targets, whiteouts, opaque }: Draft): Holders {
  const made = new Set<string>();
  for (const paths of [nodes.keys(), targets.keys()]) {
    let last: string | undefined;
    for (const path of paths) {
      const parent = parentOf(path);
      if (parent !== last) for (const ancestor of ancestorsOf(path)) made.add(ancestor);
      last = parent;
    }
  }
  const all = new Set([...made, ...opaque]);
  for (const paths of [whiteouts, opaque]) {
    for (const path of paths) for (const ancestor of ancestorsOf(path)) all.add(ancestor);
  }
  return { all, made };
}

/** What has entries below it but is no directory becomes one, and a new one. */
function replaceWhatHolds({ nodes, targets, opaque }: Draft, holders: ReadonlySet<string>): void {
  for (const path of holders) {
    if (targets.has(path)) throw corrupt(path, 'is a hard link and has entries below it');
    const node = nodes.get(path);
    if (node === undefined || node.type === 'dir') continue;
    nodes.set(path, { ...DEFAULT_DIRECTORY, type: 'dir' });
    opaque.add(path);
  }
}

/** A whiteout only concerns lower layers: what the layer itself has at the path stays, and hides them. */
function hideReplaced({ nodes, targets, whiteouts, opaque }: Draft, made: ReadonlySet<string>): void {
  for (const path of whiteouts) {
    if (made.has(path) && !nodes.has(path)) nodes.set(path, { ...DEFAULT_DIRECTORY, type: 'dir' });
    const replaced = nodes.get(path);
    if (replaced?.type === 'dir') opaque.add(path);
    if (replaced !== undefined || targets.has(path)) whiteouts.delete(path);
  }
}

/** Splits what is not described: what is hidden below is made new, the rest is as the layers below have it. */
function impliedOf({ nodes, opaque }: Draft, { all, made }: Holders): ImpliedDirectory[] {
  const implied: ImpliedDirectory[] = [];
  const parentsFirst = [...all].sort((a, b) => a.split('/').length - b.split('/').length);
  for (const path of parentsFirst) {
    if (path === '' || nodes.has(path)) continue;
    const hidden = ancestorsOf(path).some((ancestor) => opaque.has(ancestor));
    if (!hidden) implied.push({ path, onlyHides: !made.has(path) });
    else if (made.has(path)) nodes.set(path, { ...DEFAULT_DIRECTORY, type: 'dir' });
  }
  return implied;
}

function resolveLink(targets: ReadonlyMap<string, string>, path: string): string {
  const seen = new Set<string>();
  let target = path;
  for (let next = targets.get(target); next !== undefined; next = targets.get(target)) {
    if (seen.has(target)) throw corrupt(path, 'is a hard link to itself');
    seen.add(target);
    target = next;
  }
  checkPath(target);
  return target;
}

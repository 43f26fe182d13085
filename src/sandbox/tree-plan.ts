import { LapidaryError, quoted } from '../errors/index.ts';
import type { Entry, Inode } from '../tree/index.ts';
import { ancestorsOf } from './host-path.ts';

/** What has to be made on disk so that overlayfs sees a layer's change. All paths as in entries. */
export type TreePlan = {
  readonly nodes: ReadonlyMap<string, Inode>;
  /** `target` is never itself a hard link of this layer. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
  readonly whiteouts: readonly string[];
  /** Directories that hide what lower layers have in them. */
  readonly opaque: ReadonlySet<string>;
  /** Directories that entries stand in but the layer does not describe, parents first; never the root. */
  readonly implied: readonly string[];
};

function corrupt(path: string, why: string): LapidaryError {
  return new LapidaryError('STORE_CORRUPT', `a layer has an entry ${quoted(path)} that ${why}`);
}

function checkPath(path: string): void {
  if (path === '') return;
  if (path.includes('\0')) throw corrupt(path, 'holds a NUL character');
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..') throw corrupt(path, 'is not a plain relative path');
  }
}

/**
 * Sorts a layer's entries by what has to be done. Every directory in which something is made is either a
 * directory of the layer or implied: what is made from a plan can only be inside of the target.
 * @throws LapidaryError STORE_CORRUPT for entries that contradict each other or lead outside
 */
export function planTree(entries: readonly Entry[]): TreePlan {
  const nodes = new Map<string, Inode>();
  const targets = new Map<string, string>();
  const [whiteouts, opaque, implied] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const entry of entries) {
    checkPath(entry.path);
    if (entry.kind === 'node') nodes.set(entry.path, entry.node);
    else if (entry.kind === 'hardlink') targets.set(entry.path, entry.target);
    else if (entry.kind === 'whiteout') whiteouts.add(entry.path);
    else opaque.add(entry.path);
  }
  const needed = new Set(opaque);
  for (const { path } of entries) for (const ancestor of ancestorsOf(path)) needed.add(ancestor);
  for (const directory of needed) {
    if (targets.has(directory)) throw corrupt(directory, 'is a hard link and has entries below it');
    const node = nodes.get(directory);
    if (node === undefined && directory !== '') implied.add(directory);
    if (node !== undefined && node.type !== 'dir')
      throw corrupt(directory, `is a ${node.type} and has entries below it`);
  }
  hideReplaced({ nodes, targets, whiteouts, opaque, implied });
  return {
    nodes,
    links: [...targets.keys()].map((path) => ({ path, target: resolveLink(targets, path) })),
    whiteouts: [...whiteouts],
    opaque,
    implied: [...implied].sort((a, b) => a.split('/').length - b.split('/').length),
  };
}

/** A whiteout only concerns lower layers: what the layer itself has at the path stays, and hides them. */
function hideReplaced(plan: {
  readonly nodes: ReadonlyMap<string, Inode>;
  readonly targets: ReadonlyMap<string, string>;
  readonly whiteouts: Set<string>;
  readonly opaque: Set<string>;
  readonly implied: ReadonlySet<string>;
}): void {
  for (const path of plan.whiteouts) {
    if (path === '') throw corrupt(path, 'removes the root directory');
    const isDirectory = plan.nodes.get(path)?.type === 'dir' || plan.implied.has(path);
    if (isDirectory) plan.opaque.add(path);
    if (isDirectory || plan.nodes.has(path) || plan.targets.has(path)) plan.whiteouts.delete(path);
  }
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

import { LapidaryError, quoted } from '../errors/index.ts';
import type { Inode, Metadata } from '../tree/index.ts';
import { DEFAULT_DIRECTORY, inodeOf, metadataOf } from './inode.ts';
import type { LowerView } from './lower-view.ts';
import type { ImpliedDirectory, TreePlan } from './tree-plan.ts';

/** What a layer leaves to the layers below. */
export type Gaps = {
  readonly implied: readonly ImpliedDirectory[];
  /** Hard links to files of layers below. */
  readonly links: TreePlan['links'];
};

/** The answers of the layers below. */
export type Fill = {
  /** Metadata of the implied directories; those that would only hide something, and need not, are left out. */
  readonly directories: ReadonlyMap<string, Metadata>;
  /** Path of a hard link → what is copied there from below: the first name of each such file. */
  readonly copies: ReadonlyMap<string, Inode>;
  /** Target below → the path it was copied to. */
  readonly copied: ReadonlyMap<string, string>;
  /** The same text for the same answers; `''` when nothing had to be asked. */
  readonly key: string;
};

const NOTHING: Fill = { directories: new Map(), copies: new Map(), copied: new Map(), key: '' };

export function gapsOf(plan: TreePlan): Gaps {
  return { implied: plan.implied, links: plan.links.filter(({ target }) => !plan.nodes.has(target)) };
}

/** @throws LapidaryError STORE_CORRUPT for a hard link to nothing */
export function fillGaps({ implied, links }: Gaps, below: () => LowerView): Fill {
  if (implied.length === 0 && links.length === 0) return NOTHING;
  const view = below();
  const asked: unknown[] = [];
  const directories = new Map<string, Metadata>();
  for (const { path, onlyHides } of implied) {
    const found = view.find(path)?.found;
    if (onlyHides && found?.kind !== 'dir') continue;
    const metadata = found?.kind === 'dir' ? metadataOf(found) : DEFAULT_DIRECTORY;
    directories.set(path, metadata);
    asked.push([path, { ...metadata, xattrs: hexValues(metadata) }]);
  }
  const copies = new Map<string, Inode>();
  const copied = new Map<string, string>();
  for (const { path, target } of links) {
    if (copied.has(target)) continue;
    const { node, place } = nodeBelow(view, target);
    copies.set(path, node);
    copied.set(target, path);
    asked.push([path, place]);
  }
  return { directories, copies, copied, key: JSON.stringify(asked) };
}

function hexValues({ xattrs }: Metadata): unknown {
  return [...(xattrs ?? [])].map(([name, value]) => [name, Buffer.from(value).toString('hex')]);
}

/** A file of the layers below as a node whose contents are read from there. */
function nodeBelow(view: LowerView, target: string): { readonly node: Inode; readonly place: unknown } {
  const at = view.find(target);
  if (at !== undefined) {
    // Trees are directories beside each other: the name of one is the part of the path before the target.
    const tree = at.host.slice(0, -target.length - 1);
    const place = { tree: tree.slice(tree.lastIndexOf('/') + 1), path: target };
    const node = inodeOf(at.found, at.host, place);
    if (node !== undefined && node.type !== 'dir') return { node, place };
  }
  const problem = `a layer has a hard link to ${quoted(target)}, which is no file of the layers below`;
  throw new LapidaryError('STORE_CORRUPT', problem);
}

import { type Digest, sha256 } from '../oci/index.ts';
import type { FileNode, Inode } from './entry.ts';
import { isWild, nameMatcher } from './glob.ts';
import { compareNames } from './order.ts';
import { cleanPath, components, joinPath } from './path.ts';
import type { Tree, TreeNode } from './tree.ts';

/** A thing below a selected directory, its path relative to that directory. */
export type SelectedNode = { readonly path: string; readonly inode: Inode };

/** What one source came to: a single thing, or a directory's contents. */
export type SelectedItem =
  | { readonly kind: 'node'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'contents'; readonly inode: Inode; readonly nodes: readonly SelectedNode[] };

/** What a COPY or ADD takes, whatever it is copied onto. Hard links share one inode object. */
export type Selection = {
  readonly items: readonly SelectedItem[];
  /** Sources without wildcards that do not exist. */
  readonly missing: readonly string[];
  /** Patterns that match nothing. */
  readonly unmatched: readonly string[];
};

export type SelectOptions = { readonly exclude?: (path: string) => boolean };

/**
 * Finds what the sources of a COPY name. A source that is a link stands for what it leads to; links further down are
 * copied as they are. `exclude` gets paths relative to the root of the tree.
 * @throws LapidaryError PATTERN_INVALID
 */
export function selectSources(
  tree: Tree,
  sources: readonly string[],
  options: SelectOptions = {},
): Selection {
  const items: SelectedItem[] = [];
  const missing: string[] = [];
  const unmatched: string[] = [];
  for (const source of sources) {
    const path = cleanPath(source);
    const wild = components(path).some(isWild);
    const paths = wild ? expandPattern(tree, path) : [path];
    const found = paths.flatMap((one) => selectOne(tree, one, options));
    if (found.length === 0) (wild ? unmatched : missing).push(source);
    items.push(...found);
  }
  return { items, missing, unmatched };
}

function selectOne(tree: Tree, path: string, { exclude }: SelectOptions): SelectedItem[] {
  const { path: real, node } = tree.resolve(path);
  if (node === undefined) return [];
  if (node.children === undefined) {
    if (exclude?.(path)) return [];
    return [{ kind: 'node', name: path.slice(path.lastIndexOf('/') + 1), inode: node.inode }];
  }
  const nodes: SelectedNode[] = [];
  collect(node, '', (relative, inode) => {
    if (exclude?.(joinPath(real, relative))) return;
    nodes.push({ path: relative, inode });
  });
  return [{ kind: 'contents', inode: node.inode, nodes }];
}

function collect(node: TreeNode, path: string, take: (path: string, inode: Inode) => void): void {
  if (node.children === undefined) return;
  for (const name of [...node.children.keys()].sort(compareNames)) {
    const child = node.children.get(name);
    if (child === undefined) continue;
    const at = joinPath(path, name);
    take(at, child.inode);
    collect(child, at, take);
  }
}

/** All paths a pattern matches, in order; links in the middle are followed. */
function expandPattern(tree: Tree, pattern: string): string[] {
  let paths = [''];
  for (const name of components(pattern)) {
    const matches = isWild(name) ? nameMatcher(name) : undefined;
    paths = paths.flatMap((directory) => {
      if (matches === undefined) {
        const path = joinPath(directory, name);
        return tree.resolve(path, { follow: false }).node ? [path] : [];
      }
      const children = tree.resolve(directory).node?.children;
      const names = [...(children?.keys() ?? [])].filter(matches).sort(compareNames);
      return names.map((one) => joinPath(directory, one));
    });
  }
  return paths;
}

/** The regular files, each hard link group once. */
export function filesOf(selection: Selection): FileNode[] {
  return [...new Set(inodesOf(selection).filter((inode) => inode.type === 'file'))];
}

function inodesOf({ items }: Selection): Inode[] {
  return items.flatMap((item) =>
    item.kind === 'node' ? [item.inode] : item.nodes.map((node) => node.inode),
  );
}

/** The same selection with its files, in the order of `filesOf`, replaced. */
export function withFiles(selection: Selection, files: readonly FileNode[]): Selection {
  const replacement = new Map<Inode, Inode>();
  for (const [i, file] of filesOf(selection).entries()) replacement.set(file, files[i] ?? file);
  const swap = (inode: Inode): Inode => replacement.get(inode) ?? inode;
  const items = selection.items.map(
    (item): SelectedItem =>
      item.kind === 'node'
        ? { ...item, inode: swap(item.inode) }
        : { ...item, nodes: item.nodes.map((node) => ({ ...node, inode: swap(node.inode) })) },
  );
  return { ...selection, items };
}

/**
 * Digest over everything that decides what a copy makes: names, types, modes, owners, contents, links, devices,
 * extended attributes. No times, and not where the sources stood. @throws Error when a file has no digest
 */
export function selectionDigest(selection: Selection): Digest {
  const groups = new Map<Inode, number>();
  const rows = selection.items.map((item) => {
    if (item.kind === 'node') return ['node', item.name, inodeRow(item.inode, groups)];
    return ['contents', ...item.nodes.map(({ path, inode }) => [path, inodeRow(inode, groups)])];
  });
  return sha256(JSON.stringify(rows));
}

function inodeRow(inode: Inode, groups: Map<Inode, number>): unknown {
  const link = groups.get(inode);
  if (link !== undefined) return ['again', link];
  groups.set(inode, groups.size);
  const { type, mode, uid, gid, xattrs } = inode;
  const attributes = [...(xattrs ?? [])].map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  return [type, mode, uid, gid, attributes, detailOf(inode)];
}

function detailOf(inode: Inode): unknown {
  switch (inode.type) {
    case 'file':
      if (inode.digest === undefined) throw new Error('a selected file has no digest');
      return inode.digest;
    case 'symlink':
      return inode.target;
    case 'char':
    case 'block':
      return [inode.major, inode.minor];
    case 'dir':
    case 'fifo':
      return null;
  }
}

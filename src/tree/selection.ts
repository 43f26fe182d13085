import { type ErrorCode, LapidaryError } from '../errors/index.ts';
import { type Digest, sha256 } from '../oci/index.ts';
import type { FileNode, Inode } from './entry.ts';
import { hasWildcard, isWild, nameMatcher } from './glob.ts';
import { compareNames } from './order.ts';
import { cleanPath, components, joinPath } from './path.ts';
import type { Resolved } from './resolve.ts';
import { type Tree, type TreeNode, walkFrom } from './tree.ts';

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

/**
 * `exclude` gets a path relative to the source (below a directory), or the name of what a source or pattern names. It
 * must hold for what is below an excluded directory too, but for exceptions: their directories are taken with them.
 */
export type SelectOptions = { readonly exclude?: (path: string) => boolean };

/**
 * Finds what the sources of a COPY name. A source that is a link stands for what it leads to; links further down are
 * copied as they are. A thing that several sources name is taken once for each, without being its own hard link.
 * @throws LapidaryError PATTERN_INVALID, PATH_LOOP
 */
export function selectSources(
  tree: Tree,
  sources: readonly string[],
  { exclude = () => false }: SelectOptions = {},
): Selection {
  const items: SelectedItem[] = [];
  const missing: string[] = [];
  const unmatched: string[] = [];
  const taken = new Set<string>();
  for (const source of sources) {
    const path = cleanPath(source);
    const wild = components(path).some(isWild);
    const paths = wild ? expandPattern(tree, path) : [path];
    if (paths.length === 0) (components(path).some(hasWildcard) ? unmatched : missing).push(source);
    for (const one of paths) {
      const at = locate(tree, one);
      if (at === undefined) missing.push(wild ? one : source);
      // A source written out is meant; a pattern may match what is excluded
      else if (!((wild || at.node.children === undefined) && exclude(nameOf(one))))
        items.push(itemOf(at, nameOf(one), { exclude, taken }));
    }
  }
  return { items, missing, unmatched };
}

type Located = { readonly path: string; readonly node: TreeNode };

/** Where a path leads; a path through a file leads nowhere. */
function locate(tree: Tree, path: string): Located | undefined {
  return unless(['NOT_A_DIRECTORY'], () => found(tree.resolve(path)));
}

/** The same for the middle of a pattern: a link that leads to itself is only no directory, like a file. */
function look(tree: Tree, path: string, follow: boolean): Located | undefined {
  return unless(['NOT_A_DIRECTORY', 'PATH_LOOP'], () => found(tree.resolve(path, { follow })));
}

function found({ path, node }: Resolved): Located | undefined {
  return node && { path, node };
}

function unless<T>(codes: readonly ErrorCode[], make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof LapidaryError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

type Taking = { readonly exclude: (path: string) => boolean; readonly taken: Set<string> };

function itemOf({ path, node }: Located, name: string, { exclude, taken }: Taking): SelectedItem {
  const copies = new Map<Inode, Inode>();
  const take = (at: string, inode: Inode): Inode => {
    if (inode.type === 'dir') return inode;
    if (!taken.has(at)) {
      taken.add(at);
      return inode;
    }
    const copy = copies.get(inode) ?? { ...inode };
    copies.set(inode, copy);
    return copy;
  };
  if (node.children === undefined) return { kind: 'node', name, inode: take(path, node.inode) };
  const nodes = contentsOf(node, exclude).map((one) => ({
    path: one.path,
    inode: take(joinPath(path, one.path), one.inode),
  }));
  return { kind: 'contents', inode: node.inode, nodes };
}

/** All below a directory that is not excluded, in canonical order, with the directories that it stands in. */
function contentsOf(directory: TreeNode, exclude: (path: string) => boolean): SelectedNode[] {
  const nodes: SelectedNode[] = [];
  /** Excluded directories above, of which nothing was taken yet. */
  let pending: SelectedNode[] = [];
  for (const { path, node } of walkFrom('', directory)) {
    if (path === '') continue;
    pending = pending.filter((above) => path.startsWith(`${above.path}/`));
    const one = { path, inode: node.inode };
    if (!exclude(path)) {
      nodes.push(...pending, one);
      pending = [];
    } else if (node.children !== undefined) pending.push(one);
  }
  return nodes;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** All paths a pattern matches, in order; links in the middle are followed. */
function expandPattern(tree: Tree, pattern: string): string[] {
  let paths = [''];
  for (const name of components(pattern)) {
    const matches = isWild(name) ? nameMatcher(name) : undefined;
    paths = paths.flatMap((directory) => {
      if (matches === undefined) {
        const path = joinPath(directory, name);
        return look(tree, path, false) ? [path] : [];
      }
      const children = look(tree, directory, true)?.node.children;
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

/** The same selection with its files, in the order of `filesOf`, replaced. @throws Error when one is missing */
export function withFiles(selection: Selection, files: readonly FileNode[]): Selection {
  const replacement = new Map<Inode, Inode>();
  const old = filesOf(selection);
  if (old.length !== files.length) throw new Error(`${files.length} files for ${old.length}`);
  for (const [i, file] of files.entries()) replacement.set(old[i] ?? file, file);
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
  if (inode.type !== 'dir') groups.set(inode, groups.size);
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

import type { FileNode, Inode } from './entry.ts';
import { type FoundSource, findSources } from './find-sources.ts';
import { hasWildcard } from './glob.ts';
import { cleanPath, joinPath } from './path.ts';
import { type Tree, type TreeNode, walkFrom } from './tree.ts';

/** A thing below a selected directory, its path relative to that directory. */
export type SelectedNode = {
  readonly path: string;
  readonly inode: Inode;
  /** A directory that was not selected itself but stands above something that was. */
  readonly implied?: boolean;
};

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

/** Whether a path is meant. */
export type PathTest = (path: string) => boolean;

export type SelectOptions = {
  /**
   * Gets a path relative to the source (below a directory), or the name of what a source or pattern names. It must hold
   * for what is below an excluded directory too, but for exceptions: their directories are taken with them.
   */
  readonly exclude?: PathTest;
  /**
   * Keeps the directories that the sources stand in (`--parents`): compiles a pattern that may have `**` for paths
   * below where the source's `/./` is, else below the root; it is clean, and empty for all. It must hold for what is below a directory that it matches.
   */
  readonly parents?: (pattern: string) => PathTest;
};

/**
 * Finds what the sources of a COPY name. A source that is a link stands for what it leads to; links further down are
 * copied as they are. A thing that several sources name is taken once for each, without being its own hard link.
 * @throws LapidaryError PATTERN_INVALID, PATH_LOOP
 */
export function selectSources(
  tree: Tree,
  sources: readonly string[],
  { exclude = () => false, parents }: SelectOptions = {},
): Selection {
  const taking: Taking = { exclude, taken: new Set() };
  const selections = sources.map((source) =>
    parents === undefined
      ? selectPlain(tree, source, taking)
      : selectParents(tree, source, { ...taking, parents }),
  );
  return joinSelections(selections);
}

/** One after another. */
function joinSelections(selections: readonly Selection[]): Selection {
  return {
    items: selections.flatMap(({ items }) => items),
    missing: selections.flatMap(({ missing }) => missing),
    unmatched: selections.flatMap(({ unmatched }) => unmatched),
  };
}

type Taking = { readonly exclude: PathTest; readonly taken: Set<string> };

function selectPlain(tree: Tree, source: string, taking: Taking): Selection {
  const { found, missing, wild, optional } = findSources(tree, source);
  const unmatched = optional && found.length + missing.length === 0 ? [source] : [];
  // A directory that is written out is meant; a pattern may match what is excluded
  const meant = found.filter(
    ({ node, name }) => !((wild || node.children === undefined) && taking.exclude(name)),
  );
  return { items: meant.map((one) => itemOf(one, taking)), missing, unmatched };
}

type Parents = NonNullable<SelectOptions['parents']>;

/** `--parents`: everything below the pivot that the rest of the source matches, with the directories above it. */
function selectParents(
  tree: Tree,
  source: string,
  { parents, ...taking }: Taking & { readonly parents: Parents },
): Selection {
  const pivot = source.indexOf('/./');
  const [root, pattern] = pivot < 0 ? ['', source] : [source.slice(0, pivot), source.slice(pivot + 3)];
  const matches = parents(cleanPath(pattern));
  const { found, missing } = findSources(tree, root);
  const exclude = (path: string): boolean => !matches(path) || taking.exclude(path);
  const items = found.map((one) => itemOf(one, { ...taking, exclude }));
  const optional = hasWildcard(source);
  const empty = items.every((item) => item.kind === 'contents' && item.nodes.length === 0);
  if (missing.length > 0 || !empty) return { items, missing, unmatched: [] };
  return { items, missing: optional ? [] : [source], unmatched: optional ? [source] : [] };
}

function itemOf({ path, node, name }: FoundSource, { exclude, taken }: Taking): SelectedItem {
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
    ...one,
    inode: take(joinPath(path, one.path), one.inode),
  }));
  return { kind: 'contents', inode: node.inode, nodes };
}

/** All below a directory that is not excluded, in canonical order, with the directories that it stands in. */
function contentsOf(directory: TreeNode, exclude: PathTest): SelectedNode[] {
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
    } else if (node.children !== undefined) pending.push({ ...one, implied: true });
  }
  return nodes;
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

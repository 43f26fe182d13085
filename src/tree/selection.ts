import type { FileNode, Inode } from './entry.ts';
import { type FoundSource, findSources } from './find-sources.ts';
import { hasWildcard } from './glob.ts';
import { cleanPath, joinPath } from './path.ts';
import { eachStep, mapSteps, type Steps } from './steps.ts';
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
export function* selectSources(
  tree: Tree,
  sources: readonly string[],
  { exclude = () => false, parents }: SelectOptions = {},
): Steps<Selection> {
  const taking: Taking = { exclude, taken: new Set() };
  const selections: Selection[] = [];
  for (const source of sources) {
    const selection =
      parents === undefined
        ? selectPlain(tree, source, taking)
        : selectParents(tree, source, { ...taking, parents });
    selections.push(yield* selection);
  }
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

function* selectPlain(tree: Tree, source: string, taking: Taking): Steps<Selection> {
  const { found, missing, wild, optional } = yield* findSources(tree, source);
  const unmatched = optional && found.length + missing.length === 0 ? [source] : [];
  // A directory that is written out is meant; a pattern may match what is excluded
  const meant = found.filter(
    ({ node, name }) => !((wild || node.children === undefined) && taking.exclude(name)),
  );
  return { items: yield* itemsOf(meant, taking), missing, unmatched };
}

type Parents = NonNullable<SelectOptions['parents']>;

/** `--parents`: everything below the pivot that the rest of the source matches, with the directories above it. */
function* selectParents(
  tree: Tree,
  source: string,
  { parents, ...taking }: Taking & { readonly parents: Parents },
): Steps<Selection> {
  const pivot = source.indexOf('/./');
  const [root, pattern] = pivot < 0 ? ['', source] : [source.slice(0, pivot), source.slice(pivot + 3)];
  const matches = parents(cleanPath(pattern));
  const { found, missing } = yield* findSources(tree, root);
  const exclude = (path: string): boolean => !matches(path) || taking.exclude(path);
  const items = yield* itemsOf(found, { ...taking, exclude });
  const optional = hasWildcard(source);
  const empty = items.every((item) => item.kind === 'contents' && item.nodes.length === 0);
  if (missing.length > 0 || !empty) return { items, missing, unmatched: [] };
  return { items, missing: optional ? [] : [source], unmatched: optional ? [source] : [] };
}

function* itemsOf(found: readonly FoundSource[], taking: Taking): Steps<SelectedItem[]> {
  const items: SelectedItem[] = [];
  for (const one of found) {
    items.push(yield* itemOf(one, taking));
    if (items.length % 256 === 0) yield;
  }
  return items;
}

function* itemOf({ path, node, name }: FoundSource, { exclude, taken }: Taking): Steps<SelectedItem> {
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
  const nodes = yield* mapSteps(yield* contentsOf(node, exclude), (one) => {
    const inode = take(joinPath(path, one.path), one.inode);
    return inode === one.inode ? one : { ...one, inode };
  });
  return { kind: 'contents', inode: node.inode, nodes };
}

/** All below a directory that is not excluded, in canonical order, with the directories that it stands in. */
function* contentsOf(directory: TreeNode, exclude: PathTest): Steps<SelectedNode[]> {
  const nodes: SelectedNode[] = [];
  /** Excluded directories above, of which nothing was taken yet. */
  let pending: SelectedNode[] = [];
  for (const visited of walkFrom('', directory)) {
    if (visited === undefined) yield;
    if (visited === undefined || visited.path === '') continue;
    const { path, node } = visited;
    if (pending.length > 0) pending = pending.filter((above) => path.startsWith(`${above.path}/`));
    const one = { path, inode: node.inode };
    if (!exclude(path)) {
      nodes.push(...pending, one);
      pending = [];
    } else if (node.children !== undefined) pending.push({ ...one, implied: true });
  }
  return nodes;
}

/** The regular files, each hard link group once. */
export function* filesOf({ items }: Selection): Steps<FileNode[]> {
  const files = new Set<FileNode>();
  const add = ({ inode }: { readonly inode: Inode }): void => {
    if (inode.type === 'file') files.add(inode);
  };
  yield* eachStep(items, (item) => {
    if (item.kind === 'node') add(item);
  });
  for (const item of items) if (item.kind === 'contents') yield* eachStep(item.nodes, add);
  return [...files];
}

/** The same selection with its files, in the order of `filesOf`, replaced. @throws Error when one is missing */
export function* withFiles(selection: Selection, files: readonly FileNode[]): Steps<Selection> {
  const old = yield* filesOf(selection);
  if (old.length !== files.length) throw new Error(`${files.length} files for ${old.length}`);
  const replacement = new Map<Inode, Inode>();
  let count = 0;
  yield* eachStep(old, (file) => replacement.set(file, files[count++] ?? file));
  const swap = (inode: Inode): Inode => replacement.get(inode) ?? inode;
  const items: SelectedItem[] = [];
  for (const item of selection.items) {
    if (item.kind === 'node') items.push({ ...item, inode: swap(item.inode) });
    else {
      const nodes = yield* mapSteps(item.nodes, (node) => ({ ...node, inode: swap(node.inode) }));
      items.push({ ...item, nodes });
    }
    if (items.length % 256 === 0) yield;
  }
  return { ...selection, items };
}

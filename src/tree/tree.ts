import { Change, NEW_DIRECTORY } from './change.ts';
import type { Entry, Inode } from './entry.ts';
import { compareNames } from './order.ts';
import { components, joinPath } from './path.ts';
import { type Resolved, resolveFrom } from './resolve.ts';

/** A place in a merged tree. Directories, and only they, have children; these stand in no particular order. */
export type TreeNode = { readonly inode: Inode; readonly children?: ReadonlyMap<string, TreeNode> };

/** The merged filesystem of a stack of layers. Immutable: every change is a new tree that shares what is equal. */
export class Tree {
  static readonly empty: Tree = new Tree({ inode: NEW_DIRECTORY, children: new Map() });
  readonly root: TreeNode;

  private constructor(root: TreeNode) {
    this.root = root;
  }

  /** Layers applied in order, the base first. */
  static of(layers: Iterable<readonly Entry[]>): Tree {
    let tree = Tree.empty;
    for (const entries of layers) tree = tree.apply(entries);
    return tree;
  }

  /**
   * This tree with one layer on top; the order of its entries does not matter. Whiteouts and opaque markers remove only
   * what was below. An entry below something that is no directory replaces that by a directory, as overlayfs shows
   * it: never is anything written through a link.
   * @throws LapidaryError TAR_INVALID for a hard link to a directory, to nothing or to itself
   */
  apply(entries: readonly Entry[]): Tree {
    return new Tree(new Change(this.root).apply(entries));
  }

  /** What is at a path exactly, no link followed. `''` is the root. */
  get(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const name of components(path)) node = node?.children?.get(name);
    return node;
  }

  /**
   * Where a path leads, inside this tree only: links are followed (the last one too unless `follow` is false), `/`
   * and `..` never leave the root. What does not exist keeps the rest of its path.
   * @throws LapidaryError PATH_LOOP, NOT_A_DIRECTORY when a file is passed through
   */
  resolve(path: string, { follow = true }: { readonly follow?: boolean } = {}): Resolved {
    return resolveFrom(this.root, path, follow);
  }

  /** Everything at and below a path in canonical order, the path itself first. */
  *walk(path = ''): Generator<{ readonly path: string; readonly node: TreeNode }> {
    const node = this.get(path);
    if (node) yield* walkFrom(path, node);
  }
}

/** A node and all below it in canonical order; `path` is what the node itself is called. */
export function* walkFrom(path: string, node: TreeNode): Generator<{ path: string; node: TreeNode }> {
  const todo = [{ path, node }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    yield next;
    const { path: directory, node } = next;
    const names = [...(node.children?.keys() ?? [])].sort((a, b) => compareNames(b, a));
    for (const name of names) {
      const child = node.children?.get(name);
      if (child) todo.push({ path: joinPath(directory, name), node: child });
    }
  }
}

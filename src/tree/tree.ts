import { Change, NEW_DIRECTORY } from './change.ts';
import type { Entry, Inode } from './entry.ts';
import { compareNames } from './order.ts';
import { components, joinPath } from './path.ts';
import { type Resolved, resolveFrom } from './resolve.ts';
import { finish, type Steps, sortSteps } from './steps.ts';

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
    return finish(this.applySteps(entries));
  }

  /** The same in steps. */
  *applySteps(entries: readonly Entry[]): Steps<Tree> {
    return new Tree(yield* new Change(this.root).apply(entries));
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
  *walk(path = ''): Generator<Visited> {
    const node = this.get(path);
    if (node === undefined) return;
    for (const visited of walkFrom(path, node)) if (visited !== undefined) yield visited;
  }
}

type Visited = { readonly path: string; readonly node: TreeNode };

/**
 * A node and all below it in canonical order, and `undefined` where it pauses (see `Steps`); `path` is what the node
 * itself is called.
 */
export function* walkFrom(path: string, node: TreeNode): Generator<Visited | undefined> {
  const todo: Visited[] = [{ path, node }];
  let count = 0;
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    yield next;
    if (++count % 256 === 0) yield;
    const { path: directory, node } = next;
    const names = yield* sortSteps([...(node.children?.keys() ?? [])], compareNames);
    for (const name of names.toReversed()) {
      const child = node.children?.get(name);
      if (child) todo.push({ path: joinPath(directory, name), node: child });
    }
  }
}

import { LapidaryError, quoted } from '../errors/index.ts';
import type { DirNode, Entry, Inode } from './entry.ts';
import { compareNames } from './order.ts';
import { components, joinPath } from './path.ts';

/** A place in a merged tree. Directories, and only they, have children; these stand in no particular order. */
export type TreeNode = { readonly inode: Inode; readonly children?: ReadonlyMap<string, TreeNode> };
/** A directory that the change being made owns and may alter. */
type Draft = { inode: Inode; children: Map<string, TreeNode> };

const NEW_DIRECTORY: DirNode = { type: 'dir', mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };
/** As Go's filepath-securejoin and Linux's own order of magnitude. */
const MAX_LINKS = 255;

export type Resolved = {
  /** Where it is, with every link followed: relative, clean. */
  readonly path: string;
  /** Absent when there is nothing at `path`. */
  readonly node: TreeNode | undefined;
};

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
   * This tree with one layer on top. Whiteouts and opaque markers remove only what was below, wherever they stand in
   * the layer. An entry below something that is no directory replaces that by a directory: never is anything
   * written through a link.
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
    const todo = components(path).reverse();
    const at: { name: string; node: TreeNode | undefined }[] = [];
    let links = 0;
    while (todo.length > 0) {
      const name = todo.pop() ?? '';
      if (name === '..') {
        at.pop();
        continue;
      }
      const parent = at.length === 0 ? this.root : at.at(-1)?.node;
      if (parent !== undefined && parent.children === undefined)
        throw notDirectory(
          path,
          at.map((one) => one.name),
        );
      const node = parent?.children?.get(name);
      if (node?.inode.type !== 'symlink' || (todo.length === 0 && !follow)) {
        at.push({ name, node });
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) {
        throw new LapidaryError('PATH_LOOP', `too many symbolic links in ${quoted(path)}`, {
          hint: `the last one leads to ${quoted(node.inode.target)}`,
        });
      }
      if (node.inode.target.startsWith('/')) at.length = 0;
      todo.push(...components(node.inode.target).reverse());
    }
    return { path: at.map((one) => one.name).join('/'), node: at.length === 0 ? this.root : at.at(-1)?.node };
  }

  /** Everything at and below a path in canonical order, the path itself first. */
  *walk(path = ''): Generator<{ readonly path: string; readonly node: TreeNode }> {
    const node = this.get(path);
    if (node) yield* walkFrom(path, node);
  }
}

function* walkFrom(path: string, node: TreeNode): Generator<{ path: string; node: TreeNode }> {
  yield { path, node };
  if (node.children === undefined) return;
  for (const name of [...node.children.keys()].sort(compareNames)) {
    const child = node.children.get(name);
    if (child) yield* walkFrom(joinPath(path, name), child);
  }
}

function notDirectory(path: string, through: readonly string[]): LapidaryError {
  return new LapidaryError(
    'NOT_A_DIRECTORY',
    `${quoted(`/${through.join('/')}`)} in ${quoted(path)} is not a directory`,
  );
}

/** Applies one layer: copies the directories it changes, once each, and shares all others. */
class Change {
  readonly #below: TreeNode;
  readonly #root: Draft;
  readonly #owned = new Set<TreeNode>();

  constructor(root: TreeNode) {
    this.#below = root;
    this.#root = this.#own(root);
  }

  apply(entries: readonly Entry[]): TreeNode {
    for (const entry of entries) if (entry.kind === 'whiteout') this.#remove(entry.path);
    for (const entry of entries) if (entry.kind === 'opaque') this.#clear(entry.path);
    const links: Extract<Entry, { kind: 'hardlink' }>[] = [];
    for (const entry of entries) {
      if (entry.kind === 'node') this.#put(entry.path, entry.node);
      else if (entry.kind === 'hardlink') links.push(entry);
    }
    for (const link of links) this.#link(link.path, link.target);
    return this.#root;
  }

  #own(node: TreeNode): Draft {
    if (this.#owned.has(node)) return node as Draft;
    const draft: Draft = { inode: node.inode, children: new Map(node.children) };
    this.#owned.add(draft);
    return draft;
  }

  /** The directory above a path, made and owned; `undefined` when it is missing and `make` is false. */
  #parent(names: readonly string[], make: boolean): Draft | undefined {
    let dir = this.#root;
    for (const name of names.slice(0, -1)) {
      const child = dir.children.get(name);
      if (child === undefined || child.inode.type !== 'dir') {
        if (!make) return undefined;
      } else if (this.#owned.has(child)) {
        dir = child as Draft;
        continue;
      }
      const next = this.#own(
        child?.inode.type === 'dir' ? child : { inode: NEW_DIRECTORY, children: new Map() },
      );
      dir.children.set(name, next);
      dir = next;
    }
    return dir;
  }

  #remove(path: string): void {
    const names = components(path);
    const name = names.at(-1);
    if (name !== undefined) this.#parent(names, false)?.children.delete(name);
  }

  #clear(path: string): void {
    const names = components(path);
    const name = names.at(-1);
    if (name === undefined) {
      this.#root.children.clear();
      return;
    }
    const parent = this.#parent(names, false);
    const old = parent?.children.get(name);
    if (parent === undefined || old?.inode.type !== 'dir') return;
    parent.children.set(name, this.#own({ inode: old.inode, children: new Map() }));
  }

  #put(path: string, inode: Inode): void {
    const names = components(path);
    const name = names.at(-1);
    if (name === undefined) {
      if (inode.type === 'dir') this.#root.inode = inode;
      return;
    }
    const parent = this.#parent(names, true);
    const old = parent?.children.get(name);
    if (inode.type !== 'dir') parent?.children.set(name, { inode });
    else if (old?.inode.type === 'dir') {
      const dir = this.#own(old);
      dir.inode = inode;
      parent?.children.set(name, dir);
    } else parent?.children.set(name, this.#own({ inode, children: new Map() }));
  }

  #link(path: string, target: string): void {
    const node = this.#lookup(target, this.#root) ?? this.#lookup(target, this.#below);
    if (node === undefined || node.inode.type === 'dir') {
      throw new LapidaryError(
        'TAR_INVALID',
        `the hard link ${quoted(path)} names ${quoted(target)}, which is no file`,
      );
    }
    this.#put(path, node.inode);
  }

  #lookup(path: string, from: TreeNode): TreeNode | undefined {
    let node: TreeNode | undefined = from;
    for (const name of components(path)) node = node?.children?.get(name);
    return node;
  }
}

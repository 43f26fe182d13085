import { LapidaryError, quoted } from '../errors/index.ts';
import type { DirNode, Entry, Inode } from './entry.ts';
import { sortEntries } from './order.ts';
import { components } from './path.ts';
import { eachStep, type Steps } from './steps.ts';
import type { TreeNode } from './tree.ts';

/** A directory that the change being made owns and may alter. */
type Owned = { inode: Inode; children: Map<string, TreeNode> };

export const NEW_DIRECTORY: DirNode = { type: 'dir', mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

/** A tree being changed: copies the directories it changes, once each, and shares all others. */
export class Change {
  readonly #below: TreeNode;
  readonly #root: Owned;
  readonly #owned = new Set<TreeNode>();
  /** The directory that was changed last, by its path: what comes next is mostly beside it. */
  #last: { readonly path: string; readonly directory: Owned } | undefined;

  constructor(root: TreeNode) {
    this.#below = root;
    this.#root = this.#own(root);
  }

  /** The tree as it is now. It goes on changing with every `put`. */
  get root(): TreeNode {
    return this.#root;
  }

  /** One layer; the contract is that of `Tree.apply`. */
  *apply(entries: readonly Entry[]): Steps<TreeNode> {
    const targets = new Map<string, string>();
    yield* eachStep(entries, (entry) => {
      if (entry.kind === 'whiteout') this.#remove(entry.path);
    });
    yield* eachStep(entries, (entry) => {
      if (entry.kind === 'opaque') this.#clear(entry.path);
    });
    // Canonical order, so that what a directory replaces never hides what is in the directory
    yield* eachStep(yield* sortEntries(entries), (entry) => {
      if (entry.kind === 'node') this.put(entry.path, entry.node);
      else if (entry.kind === 'hardlink') targets.set(entry.path, entry.target);
    });
    yield* eachStep(targets.keys(), (path) => this.#link(path, targets));
    return this.#root;
  }

  put(path: string, inode: Inode): void {
    if (path === '') {
      if (inode.type === 'dir') this.#root.inode = inode;
      return;
    }
    const slash = path.lastIndexOf('/');
    const above = path.slice(0, Math.max(0, slash));
    const parent = this.#last?.path === above ? this.#last.directory : this.#made(above);
    const name = path.slice(slash + 1);
    const old = parent.children.get(name);
    this.#last = old?.inode.type === 'dir' ? undefined : { path: above, directory: parent };
    if (inode.type !== 'dir') parent.children.set(name, { inode });
    else if (old?.inode.type === 'dir') {
      const dir = this.#own(old);
      dir.inode = inode;
      parent.children.set(name, dir);
    } else parent.children.set(name, this.#own({ inode, children: new Map() }));
  }

  #own(node: TreeNode): Owned {
    if (this.#owned.has(node)) return node as Owned;
    const draft: Owned = { inode: node.inode, children: new Map(node.children) };
    this.#owned.add(draft);
    return draft;
  }

  /** The directory at a path, made where it is missing, and owned. */
  #made(path: string): Owned {
    let dir = this.#root;
    for (const name of components(path)) {
      const child = dir.children.get(name);
      if (child?.inode.type === 'dir' && this.#owned.has(child)) {
        dir = child as Owned;
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

  /** The directory above a path, owned, if it is there. */
  #above(path: string): Owned | undefined {
    const above = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    return lookup(above, this.#root)?.inode.type === 'dir' ? this.#made(above) : undefined;
  }

  #remove(path: string): void {
    if (path !== '') this.#above(path)?.children.delete(nameOf(path));
  }

  #clear(path: string): void {
    if (path === '') {
      this.#root.children.clear();
      return;
    }
    const name = nameOf(path);
    const parent = this.#above(path);
    const old = parent?.children.get(name);
    if (parent === undefined || old?.inode.type !== 'dir') return;
    parent.children.set(name, this.#own({ inode: old.inode, children: new Map() }));
  }

  #link(path: string, targets: ReadonlyMap<string, string>): void {
    const target = finalTarget(path, targets);
    const node = lookup(target, this.#root) ?? lookup(target, this.#below);
    if (node === undefined || node.inode.type === 'dir') throw badLink(path, target);
    this.put(path, node.inode);
  }
}

/** What a hard link is a name of when links may name links; `targets` has what each of them names. */
export function finalTarget(path: string, targets: ReadonlyMap<string, string>): string {
  const passed = new Set<string>();
  let at = path;
  for (let next = targets.get(at); next !== undefined; next = targets.get(at)) {
    if (passed.has(at)) throw badLink(path, next);
    passed.add(at);
    at = next;
  }
  return at;
}

function badLink(path: string, target: string): LapidaryError {
  return new LapidaryError(
    'TAR_INVALID',
    `the hard link ${quoted(path)} names ${quoted(target)}, which is no file`,
  );
}

function lookup(path: string, from: TreeNode): TreeNode | undefined {
  let node: TreeNode | undefined = from;
  for (const name of components(path)) node = node?.children?.get(name);
  return node;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

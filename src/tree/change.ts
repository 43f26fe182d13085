import { LapidaryError, quoted } from '../errors/index.ts';
import type { DirNode, Entry, Inode } from './entry.ts';
import { compareEntries } from './order.ts';
import { components } from './path.ts';
import type { TreeNode } from './tree.ts';

/** A directory that the change being made owns and may alter. */
type Owned = { inode: Inode; children: Map<string, TreeNode> };

export const NEW_DIRECTORY: DirNode = { type: 'dir', mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

/** A tree being changed: copies the directories it changes, once each, and shares all others. */
export class Change {
  readonly #below: TreeNode;
  readonly #root: Owned;
  readonly #owned = new Set<TreeNode>();

  constructor(root: TreeNode) {
    this.#below = root;
    this.#root = this.#own(root);
  }

  /** The tree as it is now. It goes on changing with every `put`. */
  get root(): TreeNode {
    return this.#root;
  }

  /** One layer; the contract is that of `Tree.apply`. */
  apply(entries: readonly Entry[]): TreeNode {
    const targets = new Map<string, string>();
    for (const entry of entries) if (entry.kind === 'whiteout') this.#remove(entry.path);
    for (const entry of entries) if (entry.kind === 'opaque') this.#clear(entry.path);
    for (const entry of inOrder(entries)) {
      if (entry.kind === 'node') this.put(entry.path, entry.node);
      else if (entry.kind === 'hardlink') targets.set(entry.path, entry.target);
    }
    for (const path of targets.keys()) this.#link(path, targets);
    return this.#root;
  }

  put(path: string, inode: Inode): void {
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

  #own(node: TreeNode): Owned {
    if (this.#owned.has(node)) return node as Owned;
    const draft: Owned = { inode: node.inode, children: new Map(node.children) };
    this.#owned.add(draft);
    return draft;
  }

  /** The directory above a path, made and owned; `undefined` when it is missing and `make` is false. */
  #parent(names: readonly string[], make: boolean): Owned | undefined {
    let dir = this.#root;
    for (const name of names.slice(0, -1)) {
      const child = dir.children.get(name);
      if (child === undefined || child.inode.type !== 'dir') {
        if (!make) return undefined;
      } else if (this.#owned.has(child)) {
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

/** Canonical order, so that what a directory replaces never hides what is in the directory. */
function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const sorted = entries.every((entry, i) => {
    const before = entries[i - 1];
    return before === undefined || compareEntries(before, entry) <= 0;
  });
  return sorted ? entries : [...entries].sort(compareEntries);
}

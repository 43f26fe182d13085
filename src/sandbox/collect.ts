import { createHash, hash } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import type { Digest } from '../oci/index.ts';
import { decodePathText } from '../tar/index.ts';
import type { Entry, Inode } from '../tree/index.ts';
import { below, hostPath } from './host-path.ts';
import {
  type Found,
  foundOf,
  impliedRootXattr,
  inodeOf,
  kindOf,
  metadataOf,
  opaqueXattr,
  readFound,
  readTarget,
  sameMetadata,
} from './inode.ts';
import { isOpaque, type LowerView } from './lower-view.ts';
import type { Syscalls } from './syscalls.ts';

/** Files up to this size are hashed in one piece. */
const WHOLE = 1 << 20;

/**
 * Turns the upper directory of an overlay, no longer mounted, into the entries of a layer; in no particular
 * order, contents referring to `{ kind: 'tree', tree: '' }`. What is the same in the layers below is left out,
 * and removed from the directory, so that it says exactly what the entries say, whatever it is stacked on.
 *
 * The root directory gets an entry when its mode, owner or attributes changed; its time is not looked at.
 */
export function collectUpper(
  syscalls: Syscalls,
  { upper, view }: { readonly upper: string; readonly view: LowerView },
): Entry[] {
  return new Collector(syscalls, upper, view).collect();
}

class Collector {
  readonly #syscalls: Syscalls;
  readonly #upper: string;
  readonly #view: LowerView;
  readonly #entries: Entry[] = [];
  /** Files with several names: inode → all of them. */
  readonly #linked = new Map<string, { readonly node: Inode; readonly paths: string[] }>();

  constructor(syscalls: Syscalls, upper: string, view: LowerView) {
    this.#syscalls = syscalls;
    this.#upper = upper;
    this.#view = view;
  }

  collect(): Entry[] {
    const root = readFound(this.#syscalls, this.#upper);
    if (root === undefined) throw new Error('the upper directory is gone');
    this.#visitChildren('');
    if (sameMetadata(root, this.#view.rootMetadata(), { mtime: false })) {
      this.#syscalls.setXattr(this.#upper, impliedRootXattr(this.#syscalls), Buffer.from('y'));
    } else {
      this.#entries.push({ kind: 'node', path: '', node: { ...metadataOf(root), type: 'dir' } });
    }
    for (const { node, paths } of this.#linked.values()) this.#addLinked(node, paths.sort());
    return this.#entries;
  }

  #addLinked(node: Inode, [first = '', ...others]: readonly string[]): void {
    const named =
      node.type === 'file' ? { ...node, content: { kind: 'tree', tree: '', path: first } as const } : node;
    this.#entries.push({ kind: 'node', path: first, node: named });
    for (const path of others) this.#entries.push({ kind: 'hardlink', path, target: first });
  }

  /** Whether something was kept, and whether something was removed. */
  #visitChildren(path: string): { readonly kept: boolean; readonly removed: boolean } {
    let [kept, removed] = [false, false];
    for (const name of readdirSync(hostPath(below(this.#upper, path)), { encoding: 'buffer' })) {
      const child = path === '' ? decodePathText(name) : `${path}/${decodePathText(name)}`;
      if (this.#visit(child)) kept = true;
      else removed = true;
    }
    return { kept, removed };
  }

  /** False when nothing of it is part of the change; it is removed then. */
  #visit(path: string): boolean {
    const host = below(this.#upper, path);
    const stat = lstatSync(hostPath(host), { bigint: true });
    const kind = kindOf(stat);
    const lower = this.#view.find(path);
    if (kind === 'whiteout' || kind === 'socket') {
      const hides = kind === 'whiteout' && lower !== undefined;
      if (hides) this.#entries.push({ kind: 'whiteout', path });
      else unlinkSync(hostPath(host));
      return hides;
    }
    const found = foundOf(this.#syscalls, host, stat);
    if (kind === 'dir') return this.#visitDirectory(path, found, lower?.found);
    if (found.links === 1 && lower !== undefined && this.#isSame({ host, found }, lower)) {
      unlinkSync(hostPath(host));
      return false;
    }
    this.#addFile(path, found);
    return true;
  }

  #visitDirectory(path: string, found: Found, lower: Found | undefined): boolean {
    const host = below(this.#upper, path);
    const { kept, removed } = this.#visitChildren(path);
    // Overlayfs also marks new directories that hide nothing; elsewhere in a stack they might.
    const marked = isOpaque(this.#syscalls, host);
    const opaque = marked && lower?.kind === 'dir';
    if (marked && !opaque) this.#syscalls.removeXattr(hostPath(host), opaqueXattr(this.#syscalls));
    if (!kept && !opaque && lower?.kind === 'dir' && sameMetadata(found, lower, { mtime: true })) {
      rmdirSync(hostPath(host));
      return false;
    }
    if (removed) this.#syscalls.setTimes(hostPath(host), found.mtime, found.mtimeNs);
    this.#entries.push({ kind: 'node', path, node: { ...metadataOf(found), type: 'dir' } });
    if (opaque) this.#entries.push({ kind: 'opaque', path });
    return true;
  }

  #addFile(path: string, found: Found): void {
    const linked = found.links > 1 ? this.#linked.get(found.inode) : undefined;
    if (linked !== undefined) {
      linked.paths.push(path);
      return;
    }
    const host = below(this.#upper, path);
    const inode = inodeOf(found, host, { tree: '', path });
    if (inode === undefined) throw new Error(`no inode of an image: ${found.kind}`);
    const node = inode.type === 'file' ? { ...inode, digest: digestFile(host, inode.size) } : inode;
    if (found.links > 1) this.#linked.set(found.inode, { node, paths: [path] });
    else this.#entries.push({ kind: 'node', path, node });
  }

  #isSame(upper: { host: string; found: Found }, lower: { host: string; found: Found }): boolean {
    const [a, b] = [upper.found, lower.found];
    if (a.kind !== b.kind || !sameMetadata(a, b, { mtime: true })) return false;
    switch (a.kind) {
      case 'file':
        return a.size === b.size && digestFile(upper.host, a.size) === digestFile(lower.host, b.size);
      case 'symlink':
        return readTarget(upper.host) === readTarget(lower.host);
      default:
        return a.major === b.major && a.minor === b.minor;
    }
  }
}

function digestFile(path: string, size: number): Digest {
  if (size <= WHOLE) return `sha256:${hash('sha256', readFileSync(hostPath(path)), 'hex')}` as Digest;
  const sum = createHash('sha256');
  const buffer = Buffer.allocUnsafe(WHOLE);
  const fd = openSync(hostPath(path), 'r');
  try {
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      sum.update(buffer.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
  return `sha256:${sum.digest('hex')}` as Digest;
}

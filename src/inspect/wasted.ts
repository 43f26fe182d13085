import type { Digest } from '../oci/index.ts';
import type { Entry, Inode, Tree } from '../tree/index.ts';
import type { LayerContents } from './image-contents.ts';

/** A file that a layer brings and nobody sees. */
export type WastedFile = {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  /** Index of the layer that brings it, and of the one that hides it. */
  readonly layer: number;
  readonly hiddenBy: number;
  /** `touched`: the same contents again, with another mode, owner or time. */
  readonly how: 'replaced' | 'touched' | 'deleted';
};

/** Files of layers that are no part of the merged tree, the largest first. */
export function wastedFiles(layers: readonly LayerContents[], tree: Tree): WastedFile[] {
  const kept = new Set<Inode>();
  for (const { node } of tree.walk()) kept.add(node.inode);
  const covers = layers.map(({ entries }) => new Cover(entries));
  const wasted = layers.flatMap(({ entries }, layer) =>
    entries.flatMap((entry): WastedFile[] => {
      if (entry.kind !== 'node' || entry.node.type !== 'file') return [];
      if (entry.node.size === 0 || kept.has(entry.node)) return [];
      const { size, digest } = entry.node;
      return [
        { path: `/${entry.path}`, bytes: size, layer, ...hider(covers, layer, { path: entry.path, digest }) },
      ];
    }),
  );
  return wasted.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
}

function hider(
  covers: readonly Cover[],
  layer: number,
  file: { readonly path: string; readonly digest: Digest | undefined },
): Pick<WastedFile, 'hiddenBy' | 'how'> {
  for (let above = layer + 1; above < covers.length; above++) {
    const how = covers[above]?.hides(file);
    if (how !== undefined) return { hiddenBy: above, how };
  }
  // A layer that has a path twice
  return { hiddenBy: layer, how: 'replaced' };
}

/** What a layer hides of those below. */
class Cover {
  readonly #nodes = new Map<string, Inode | undefined>();
  readonly #removed = new Set<string>();
  readonly #emptied = new Set<string>();

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) {
      if (entry.kind === 'whiteout') this.#removed.add(entry.path);
      else if (entry.kind === 'opaque') this.#emptied.add(entry.path);
      else this.#nodes.set(entry.path, entry.kind === 'node' ? entry.node : undefined);
    }
  }

  hides({ path, digest }: { path: string; digest: Digest | undefined }): WastedFile['how'] | undefined {
    if (this.#nodes.has(path)) {
      const node = this.#nodes.get(path);
      return node?.type === 'file' && node.digest === digest ? 'touched' : 'replaced';
    }
    if (this.#removed.has(path)) return 'deleted';
    for (let slash = path.lastIndexOf('/'); ; slash = path.lastIndexOf('/', slash - 1)) {
      const above = path.slice(0, Math.max(0, slash));
      const node = this.#nodes.get(above);
      if (this.#removed.has(above) || this.#emptied.has(above)) return 'deleted';
      if (node !== undefined && node.type !== 'dir') return 'deleted';
      if (slash <= 0) return undefined;
    }
  }
}

/** Files with the same contents under different names that are no links of each other. */
export type Duplicate = {
  readonly digest: Digest;
  /** Of one of them. */
  readonly bytes: number;
  /** Absolute; two at least. */
  readonly paths: readonly string[];
};

/** The most wasteful first. */
export function duplicateFiles(tree: Tree): Duplicate[] {
  const seen = new Set<Inode>();
  const groups = new Map<Digest, { bytes: number; paths: string[] }>();
  for (const { path, node } of tree.walk()) {
    const { inode } = node;
    if (inode.type !== 'file' || inode.size === 0 || inode.digest === undefined || seen.has(inode)) continue;
    seen.add(inode);
    const group = groups.get(inode.digest) ?? { bytes: inode.size, paths: [] };
    group.paths.push(`/${path}`);
    groups.set(inode.digest, group);
  }
  return [...groups]
    .flatMap(([digest, group]) => (group.paths.length > 1 ? [{ digest, ...group }] : []))
    .sort((a, b) => extra(b) - extra(a) || (a.digest < b.digest ? -1 : 1));
}

/** Bytes that one copy would save. */
export function extra({ bytes, paths }: Pick<Duplicate, 'bytes' | 'paths'>): number {
  return bytes * (paths.length - 1);
}

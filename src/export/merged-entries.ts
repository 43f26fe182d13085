import type { Entry, Inode, Layer } from '../tree/index.ts';

export function mergedEntries(layers: readonly Layer[]): readonly Entry[] {
  const nodes = new Map<string, Inode>();
  const clear = (path: string): void => {
    for (const name of [...nodes.keys()]) if (name.startsWith(`${path}/`)) nodes.delete(name);
  };
  for (const { entries } of layers) {
    for (const entry of entries) {
      if (entry.kind === 'whiteout') nodes.delete(entry.path);
      if (entry.kind === 'whiteout' || entry.kind === 'opaque') clear(entry.path);
    }
    for (const entry of entries) {
      const node =
        entry.kind === 'node' ? entry.node : entry.kind === 'hardlink' ? nodes.get(entry.target) : undefined;
      if (node === undefined) continue;
      nodes.set(entry.path, node);
    }
  }
  const seen = new Map<Inode, string>();
  return [...nodes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, node]) => {
      const target = node.type === 'dir' ? undefined : seen.get(node);
      if (target !== undefined) return { kind: 'hardlink', path, target };
      seen.set(node, path);
      return { kind: 'node', path, node };
    });
}

import { createHash } from 'node:crypto';
import type { Entry, Layer, LayerId } from '../tree/index.ts';

function json(entries: readonly Entry[], contents: boolean): string {
  return JSON.stringify(entries, (k, v) =>
    k === 'xattrs'
      ? [...v].map(([n, b]: [string, Uint8Array]) => [n, Buffer.from(b).toString('hex')])
      : k === 'content' && !contents
        ? undefined
        : v,
  );
}
export function encodeTree(collected: readonly Entry[]): {
  readonly id: LayerId;
  readonly bytes: Uint8Array;
} {
  const sorted = [...collected].sort((a, b) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : a.kind < b.kind ? -1 : 1,
  );
  const id = `sha256:${createHash('sha256').update(json(sorted, false)).digest('hex')}` as LayerId;
  const entries = sorted.map((e) =>
    e.kind === 'node' &&
    e.node.type === 'file' &&
    e.node.content.kind === 'tree' &&
    e.node.content.tree === ''
      ? { ...e, node: { ...e.node, content: { ...e.node.content, tree: id.slice(7) } } }
      : e,
  );
  return { id, bytes: Buffer.from(json(entries, true)) };
}
export function decodeLayer(bytes: Uint8Array): Layer {
  const entries = JSON.parse(Buffer.from(bytes).toString(), (k, v) =>
    k === 'xattrs'
      ? new Map(v.map(([n, h]: [string, string]) => [n, new Uint8Array(Buffer.from(h, 'hex'))]))
      : v,
  ) as Entry[];
  return { id: encodeTree(entries).id, entries };
}

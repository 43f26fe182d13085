import { hexOf } from '../oci/index.ts';
import { type Entry, encodeLayer, type LayerId, layerId, sortEntries } from '../tree/index.ts';

/**
 * The table of a layer whose contents are in the tree of the same name, from entries in any order that do not
 * name the tree yet (`tree: ''`): the ID does not depend on where contents are.
 */
export function encodeTree(collected: readonly Entry[]): {
  readonly id: LayerId;
  readonly bytes: Uint8Array;
} {
  const id = layerId(collected);
  const tree = hexOf(id);
  const entries = sortEntries(collected).map((entry): Entry => {
    if (entry.kind !== 'node' || entry.node.type !== 'file') return entry;
    const { content } = entry.node;
    if (content.kind !== 'tree' || content.tree !== '') return entry;
    return { ...entry, node: { ...entry.node, content: { ...content, tree } } };
  });
  return { id, bytes: encodeLayer({ id, entries }) };
}

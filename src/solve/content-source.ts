import type { ByteSource } from '../elf/index.ts';
import type { FileNode } from '../tree/index.ts';
import type { LayerStore } from './ports/index.ts';

/** The contents of a file of a layer, for those who read parts of it. */
export function contentSource(file: FileNode, layers: Pick<LayerStore, 'openContent'>): ByteSource {
  return {
    size: file.size,
    read: async (offset, length) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of layers.openContent(file, { offset, length }))
        chunks.push(chunk as Uint8Array);
      return Buffer.concat(chunks);
    },
  };
}

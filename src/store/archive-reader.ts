import { LapidaryError } from '../errors/index.ts';
import { decompress, detectCompression, looksLikeTar } from '../host/index.ts';
import type { ArchiveReader, LayerStore } from '../solve/index.ts';
import type { Entry, FileNode } from '../tree/index.ts';

const HEAD = 512;

/** Reads archives whose bytes a layer store can open. */
export function archiveReader(layers: LayerStore): ArchiveReader {
  return {
    async unpack(file: FileNode, signal: AbortSignal): Promise<readonly Entry[] | undefined> {
      const compression = detectCompression(await readHead(layers.openContent(file)));
      const open = (): AsyncIterable<Uint8Array> => decompress(layers.openContent(file), compression);
      // A compressed file that is no tar, or not even valid, is copied like any other file
      const head = await readHead(open()).catch(undefinedIfDamaged);
      if (head === undefined || !looksLikeTar(head)) return undefined;
      const { layer } = await layers.ingestTar(open(), { compression: 'uncompressed', signal });
      return layer.entries;
    },
  };
}

function undefinedIfDamaged(error: unknown): undefined {
  if (!(error instanceof LapidaryError) || error.code !== 'TAR_INVALID') throw error;
}

async function readHead(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    pieces.push(piece);
    size += piece.length;
    if (size >= HEAD) break;
  }
  return Buffer.concat(pieces).subarray(0, HEAD);
}

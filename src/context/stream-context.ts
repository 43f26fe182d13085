import { LapidaryError } from '../errors/index.ts';
import { decompressAny, detectCompression, looksLikeTar, peek } from '../host/index.ts';
import type { LayerStore } from '../solve/index.ts';
import type { Entry } from '../tree/index.ts';

export type ArchiveOrText =
  | { readonly kind: 'archive'; readonly entries: readonly Entry[] }
  | { readonly kind: 'text'; readonly text: string };

export type StreamOptions = {
  readonly layers: Pick<LayerStore, 'ingestTar'>;
  /** More text than this is an error. */
  readonly maxText: number;
  readonly signal: AbortSignal;
};

/** As many bytes as tell a tar. */
const HEAD = 512;

/**
 * Reads a stream that is a tar archive, compressed or not, or else a text.
 * @throws LapidaryError TAR_INVALID, ARCHIVE_UNSUPPORTED, CONTEXT_UNREADABLE
 */
export async function readArchiveOrText(
  source: AsyncIterable<Uint8Array>,
  { layers, maxText, signal }: StreamOptions,
): Promise<ArchiveOrText> {
  const { head, whole } = await peek(source, HEAD);
  signal.throwIfAborted();
  if (detectCompression(head) === 'uncompressed' && !looksLikeTar(head)) {
    return { kind: 'text', text: await readText(whole, maxText, signal) };
  }
  const { layer } = await layers.ingestTar(decompressAny(whole, 'standard input'), {
    compression: 'uncompressed',
    signal,
  });
  return { kind: 'archive', entries: layer.entries };
}

async function readText(
  source: AsyncIterable<Uint8Array>,
  maxText: number,
  signal: AbortSignal,
): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of source) {
    signal.throwIfAborted();
    size += piece.length;
    if (size > maxText) {
      throw new LapidaryError(
        'CONTEXT_UNREADABLE',
        `standard input is neither an archive nor a Dockerfile: it has more than ${maxText} bytes`,
        { hint: 'a build context is a tar archive, compressed or not' },
      );
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

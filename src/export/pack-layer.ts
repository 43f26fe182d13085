import { type ContentReader, nextTurn, turnIsOver } from '../solve/index.ts';
import { END, encodeHeader, padding } from '../tar/index.ts';
import type { Entry } from '../tree/index.ts';
import { ChunkBuffer } from './chunk-buffer.ts';
import { packMembers } from './pack-members.ts';

/**
 * The canonical tar of a layer, in chunks of about 1 MiB: the same entries with the same contents always give the
 * same bytes.
 *
 * - Members stand in the order of `entries`, which is a layer's canonical order; headers are those of `encodeHeader`.
 * - A whiteout is an empty file `.wh.<name>`, an opaque directory has an empty file `.wh..wh..opq`; both with mode 0,
 *   owner 0:0 and time 0, as containerd and BuildKit write them.
 * - Of several names of one file the first one has the contents, whichever `entries` say; the others are hard links to
 *   it. Their headers repeat its metadata, since containerd and Docker apply those to both names.
 * - The root's own entry is the member `./`, and is there if the layer has it: it may undo what a layer below says.
 * - The end is two zero blocks, without padding to a record.
 *
 * @throws LapidaryError STORE_CORRUPT when contents are not as long as their entry says; TAR_INVALID for an entry
 * that no tar can hold
 */
export async function* packLayer(
  entries: readonly Entry[],
  reader: ContentReader,
): AsyncGenerator<Uint8Array> {
  const out = new ChunkBuffer();
  for await (const members of packMembers(entries, reader)) {
    for (const { member, file } of members) {
      out.add(encodeHeader(member));
      if (file !== undefined) {
        const { node, contents } = file;
        if (contents instanceof Uint8Array) out.add(contents);
        else for await (const chunk of contents) yield* out.addLarge(chunk);
        out.addZeros(padding(node.size));
      }
      yield* out.full();
      if (turnIsOver()) await nextTurn();
    }
  }
  out.add(END);
  yield* out.rest();
}

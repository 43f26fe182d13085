import { type TarMember, TarReader } from '../tar/index.ts';

/** What stands in a tar, in its order: a member, the pieces of its data, its end. */
export type ArchiveEvent =
  | { readonly kind: 'member'; readonly member: TarMember }
  | { readonly kind: 'data'; readonly piece: Uint8Array }
  | { readonly kind: 'end' };

/** Reads a tar as a stream of events; a piece of data is a view of one chunk of the source. */
export async function* archiveEvents(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEvent, void> {
  let events: ArchiveEvent[] = [];
  const reader = new TarReader({
    onMember: (member) => void events.push({ kind: 'member', member }),
    onData: (piece) => void events.push({ kind: 'data', piece }),
    onMemberEnd: () => void events.push({ kind: 'end' }),
  });
  for await (const chunk of source) {
    reader.push(chunk);
    yield* events;
    events = [];
  }
  reader.end();
}

/** The data of the member whose event came last. Whoever asked may stop early; `drain` then skips the rest. */
export class MemberData {
  readonly #events: AsyncIterator<ArchiveEvent, void>;
  #ended = false;

  constructor(events: AsyncIterator<ArchiveEvent, void>) {
    this.#events = events;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    while (!this.#ended) {
      const { done, value } = await this.#events.next();
      if (done || value.kind === 'end') this.#ended = true;
      else if (value.kind === 'data') yield value.piece;
    }
  }

  async drain(): Promise<void> {
    for await (const piece of this.read()) void piece;
  }
}

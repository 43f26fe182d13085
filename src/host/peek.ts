export type Peeked = {
  /** At least as many bytes as were asked for, unless there are fewer. */
  readonly head: Uint8Array;
  /** All bytes, those of `head` too. Ends the source when it is not read to its end. */
  readonly whole: AsyncIterable<Uint8Array>;
};

/** Looks at the first bytes of a stream. */
export async function peek(source: AsyncIterable<Uint8Array>, least: number): Promise<Peeked> {
  const chunks = source[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array();
  while (head.length < least) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return { head, whole: prepend(head, chunks) };
}

async function* prepend(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    if (head.length > 0) yield head;
    yield* { [Symbol.asyncIterator]: () => rest };
  } finally {
    await rest.return?.();
  }
}

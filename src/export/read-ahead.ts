/**
 * The same pieces, each asked for while the one before it is in work, so that reading and digesting overlap with writing.
 * Pieces must stay as they are once they were given. Ending the iteration early ends the source's.
 */
export async function* readAhead<T>(source: AsyncIterable<T>): AsyncGenerator<T> {
  const pieces = source[Symbol.asyncIterator]();
  let next = asked(pieces);
  try {
    for (let piece = await next; piece.done !== true; piece = await next) {
      next = asked(pieces);
      yield piece.value;
    }
  } finally {
    await pieces.return?.();
  }
}

/** What goes wrong is thrown when its turn comes, if it does. */
function asked<T>(pieces: AsyncIterator<T>): Promise<IteratorResult<T, unknown>> {
  const next = pieces.next();
  next.catch(() => undefined);
  return next;
}

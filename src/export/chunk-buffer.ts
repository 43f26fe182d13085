const CHUNK = 1024 * 1024;
const ZEROS = new Uint8Array(1024);

/**
 * Gathers small pieces to chunks of about 1 MiB. Chunks that were taken are never written to again. Pieces are
 * copied, but for the chunks of `addLarge`.
 */
export class ChunkBuffer {
  #chunk: Buffer = Buffer.allocUnsafeSlow(CHUNK);
  #length = 0;
  #done: Uint8Array[] = [];

  add(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length) {
      const take = Math.min(piece.length - at, CHUNK - this.#length);
      this.#chunk.set(piece.subarray(at, at + take), this.#length);
      this.#length += take;
      at += take;
      if (this.#length === CHUNK) this.#close();
    }
  }

  /** `count` is at most 1024. */
  addZeros(count: number): void {
    this.add(ZEROS.subarray(0, count));
  }

  /** A piece that is worth no copy: what is before it comes out first, then the piece itself. */
  *addLarge(piece: Uint8Array): Generator<Uint8Array> {
    if (piece.length < CHUNK / 16) {
      this.add(piece);
      yield* this.full();
      return;
    }
    yield* this.rest();
    yield piece;
  }

  /** The chunks that are full. */
  *full(): Generator<Uint8Array> {
    yield* this.#done;
    this.#done = [];
  }

  /** All that was added. */
  *rest(): Generator<Uint8Array> {
    this.#close();
    yield* this.full();
  }

  #close(): void {
    if (this.#length === 0) return;
    this.#done.push(this.#chunk.subarray(0, this.#length));
    this.#chunk = Buffer.allocUnsafeSlow(CHUNK);
    this.#length = 0;
  }
}

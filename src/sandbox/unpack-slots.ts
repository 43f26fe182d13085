/*
 * Memory that the threads of an unpacking share. The reader fills a slot with a piece of a tar and tells makers what is in
 * it; the slot is free again when each of them has done its part.
 */

/** Bytes of one slot, and how many there are: as far as the reader may be ahead, and what it has read last is looked at while the rest is still written. */
export const SLOT_BYTES: number = 1 << 20;
const SLOTS = 8;
/** More would wait for each other in the kernel. */
export const MAKERS = 2;

export type SharedSlots = {
  /** SLOTS × SLOT_BYTES */
  readonly memory: SharedArrayBuffer;
  /** Int32: by slot how many parts of it are not done, then by maker how many of its parts are not. */
  readonly counts: SharedArrayBuffer;
};

export function sharedSlots(): SharedSlots {
  return {
    memory: new SharedArrayBuffer(SLOTS * SLOT_BYTES),
    counts: new SharedArrayBuffer((SLOTS + MAKERS) * Int32Array.BYTES_PER_ELEMENT),
  };
}

/** One thread's view. */
export class Slots {
  readonly #memory: SharedArrayBuffer;
  readonly #counts: Int32Array;
  #next = 0;

  constructor({ memory, counts }: SharedSlots) {
    this.#memory = memory;
    this.#counts = new Int32Array(counts);
  }

  /**
   * For the reader: copies `bytes`, at most SLOT_BYTES, into the next slot, for the makers that have a part in it. Waits
   * until the slot is free; `onWait` is called when it is not.
   */
  fill(bytes: Uint8Array, makers: readonly number[], onWait: () => void): number {
    const slot = this.#next;
    this.#next = (slot + 1) % SLOTS;
    if (Atomics.load(this.#counts, slot) !== 0) onWait();
    for (let left = Atomics.load(this.#counts, slot); left !== 0; left = Atomics.load(this.#counts, slot))
      Atomics.wait(this.#counts, slot, left, 1);
    this.contents(slot).set(bytes);
    Atomics.store(this.#counts, slot, makers.length);
    for (const maker of makers) Atomics.add(this.#counts, SLOTS + maker, 1);
    return slot;
  }

  contents(slot: number): Uint8Array {
    return new Uint8Array(this.#memory, slot * SLOT_BYTES, SLOT_BYTES);
  }

  /** For a maker: it has done its part. */
  release(slot: number, maker: number): void {
    Atomics.sub(this.#counts, SLOTS + maker, 1);
    if (Atomics.sub(this.#counts, slot, 1) === 1) Atomics.notify(this.#counts, slot);
  }

  /** How many parts a maker has not done. */
  backlog(maker: number): number {
    return Atomics.load(this.#counts, SLOTS + maker);
  }
}

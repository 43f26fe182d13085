/** https://www.rfc-editor.org/rfc/rfc8878, section 3.1. */
const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const DICTIONARY_ID_SIZES = [0, 1, 2, 4] as const;

/** What the next bytes are: a header of some bytes, or a number of bytes that need not be looked at. */
type Part = { readonly kind: 'magic' | 'skippable' | 'descriptor' | 'block' | 'body'; readonly size: number };

const FRAME: Part = { kind: 'magic', size: 4 };
const BLOCK: Part = { kind: 'block', size: 3 };

/**
 * The same bytes, cut so that no piece holds the end of one frame and the start of the next: Node's decompressor
 * ends at the first frame whose end it meets within a piece. What is no frame is handed on for it to refuse.
 */
export async function* cutAtFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const frames = new FrameReader();
  for await (const chunk of source) {
    let rest = chunk;
    while (rest.length > 0) {
      const end = frames.read(rest);
      yield rest.subarray(0, end);
      rest = rest.subarray(end);
    }
  }
}

class FrameReader {
  #part = FRAME;
  readonly #header: number[] = [];
  /** Bytes left of a body; `Infinity` once the data is no frame. */
  #left = 0;
  #checksum = 0;
  #last = false;

  /** How many of these bytes, at least one, belong to the current frame. */
  read(bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length; ) {
      if (this.#part.kind === 'body') {
        const count = Math.min(this.#left, bytes.length - at);
        this.#left -= count;
        at += count;
      } else {
        this.#header.push(bytes[at] ?? 0);
        at += 1;
        if (this.#header.length === this.#part.size) this.#enter(this.#next());
      }
      if (this.#part.kind === 'body' && this.#left === 0 && this.#leaveBody()) return at;
    }
    return bytes.length;
  }

  #enter(part: Part): void {
    this.#header.length = 0;
    this.#part = part;
    this.#left = part.kind === 'body' ? part.size : 0;
  }

  /** True at the end of a frame. */
  #leaveBody(): boolean {
    this.#enter(this.#last ? FRAME : BLOCK);
    return this.#last;
  }

  #next(): Part {
    const value = this.#header.reduceRight((sum, byte) => sum * 256 + byte, 0);
    switch (this.#part.kind) {
      case 'magic':
        this.#last = false;
        if (value === MAGIC) return { kind: 'descriptor', size: 1 };
        if (value - (value % 16) === SKIPPABLE) return { kind: 'skippable', size: 4 };
        return { kind: 'body', size: Number.POSITIVE_INFINITY };
      case 'skippable':
        this.#last = true;
        return { kind: 'body', size: value };
      case 'descriptor':
        this.#checksum = value & 4 ? 4 : 0;
        return { kind: 'body', size: restOfHeader(value) };
      default: {
        this.#last = (value & 1) === 1;
        const repeated = ((value >> 1) & 3) === 1;
        return { kind: 'body', size: (repeated ? 1 : value >> 3) + (this.#last ? this.#checksum : 0) };
      }
    }
  }
}

/** Bytes of a frame header behind its descriptor: window, dictionary ID and content size. */
function restOfHeader(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0;
  const flag = descriptor >> 6;
  const contentSize = flag === 0 ? Number(single) : 2 ** flag;
  return Number(!single) + (DICTIONARY_ID_SIZES[descriptor & 3] ?? 0) + contentSize;
}

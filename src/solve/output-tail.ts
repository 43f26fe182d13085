const MAX_LINES = 20;
const MAX_BYTES = 16 * 1024;

/** Keeps the end of a command's output for the error that may follow. */
export class OutputTail {
  #pieces: Uint8Array[] = [];
  #size = 0;

  push(data: Uint8Array): void {
    this.#pieces.push(data.length > MAX_BYTES ? data.subarray(data.length - MAX_BYTES) : data);
    this.#size += Math.min(data.length, MAX_BYTES);
    while (this.#size - (this.#pieces[0]?.length ?? 0) > MAX_BYTES) {
      this.#size -= this.#pieces.shift()?.length ?? 0;
    }
  }

  /** The last lines that are not empty, oldest first. */
  lines(): string[] {
    const bytes = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    const text = new TextDecoder().decode(bytes);
    // A carriage return overwrites a line on a terminal: only what stood last counts
    const lines = text.split('\n').map((line) => line.trimEnd().split('\r').at(-1) ?? '');
    return lines.filter((line) => line !== '').slice(-MAX_LINES);
  }
}

import type { Descriptor } from '../oci/index.ts';
import type { BuildEvent } from '../solve/index.ts';

type End = Extract<BuildEvent, { readonly type: 'transfer-end' }>;

export type TransferStart = {
  readonly emit: (event: BuildEvent) => void;
  readonly action: 'pull' | 'push';
  /** Absent while it is still being made. */
  readonly blob?: Pick<Descriptor, 'digest' | 'size'> | undefined;
  readonly place: string;
};

/** Progress is told in steps of this many bytes. */
const STEP = 1024 * 1024;
let count = 0;

/** Tells of one blob that moves. */
export class Transfer {
  readonly #emit: (event: BuildEvent) => void;
  readonly #id = count++;
  readonly #began = performance.now();
  #bytes = 0;
  #told = 0;

  constructor({ emit, action, blob, place }: TransferStart) {
    this.#emit = emit;
    const of = blob === undefined ? {} : { digest: blob.digest, size: blob.size };
    emit({ type: 'transfer-start', id: this.#id, action, ...of, place });
  }

  /** `bytes` so far. */
  progress(bytes: number): void {
    this.#bytes = bytes;
    if (Math.abs(bytes - this.#told) < STEP) return;
    this.#told = bytes;
    this.#emit({ type: 'transfer-progress', id: this.#id, bytes });
  }

  async *tap(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.progress(this.#bytes + chunk.length);
      yield chunk;
    }
  }

  end(result: End['result']): void {
    const ms = Math.round(performance.now() - this.#began);
    this.#emit({ type: 'transfer-end', id: this.#id, result, bytes: this.#bytes, ms });
  }
}

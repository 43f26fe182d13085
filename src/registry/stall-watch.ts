/** A transfer is alive when at least this much moves in the time it may be idle. */
const LEAST_BYTES = 4096;
const CHECKS = 4;

/**
 * Notices that the other side stopped, or goes on so slowly that it might as well have. Only time spent waiting for
 * it counts: a reader that takes its time is no stall.
 */
export class StallWatch implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #waiting = false;
  #bytes = 0;
  #checksLeft = CHECKS;

  constructor(idleMs: number, onStall: () => void) {
    this.#timer = setInterval(() => {
      if (!this.#waiting || this.#bytes >= LEAST_BYTES) this.#restart();
      else if (--this.#checksLeft <= 0) onStall();
    }, idleMs / CHECKS);
    // The connection keeps the process alive, not its watch
    this.#timer.unref();
  }

  /** Bytes went over. */
  moved(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Waits for the other side. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#waiting = true;
    try {
      return await wait();
    } finally {
      this.#waiting = false;
    }
  }

  #restart(): void {
    this.#bytes = 0;
    this.#checksLeft = CHECKS;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

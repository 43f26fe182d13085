/** Lets at most `limit` tasks run at once; the others wait their turn in order of arrival. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resume) => this.#waiting.push(resume));
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      // The place is handed over, not freed: nobody who comes later can slip in between
      if (next) next();
      else this.#free += 1;
    }
  }
}

/** Work on the event loop that is done in slices: others get their turn at least every 20 ms. */
export class Pace {
  #since = performance.now();

  /** Call between pieces of work that are short by themselves. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#since < 20) return;
    await new Promise<void>((resume) => setImmediate(resume));
    this.#since = performance.now();
  }
}

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PartsJob, PartsResult } from './gzip-parts.ts';
import type { PartsReply } from './gzip-worker.ts';

/** Bounds memory: a thread holds about 15 MiB while it works. */
export const MAX_GZIP_THREADS: number = Math.min(availableParallelism(), 8);
/** A small young generation: what a job leaves behind is dead when the next one comes. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };
/** A thread that has had nothing to do for this long ends. */
const IDLE_MS = 2000;

type Waiting = {
  readonly job: PartsJob;
  readonly resolve: (result: PartsResult) => void;
  readonly reject: (error: unknown) => void;
};

/** Threads of this process that have nothing to do, the one that worked last at the end. */
const idle: GzipThread[] = [];
const queue: Waiting[] = [];
let threads = 0;

/**
 * `gzipParts` in a thread; `job.bytes` are gone after the call. Threads start when they are needed, as many as there are
 * cores, and never keep the process alive. The result does not depend on them.
 */
export function gzipInThread(job: PartsJob): Promise<PartsResult> {
  return new Promise((resolve, reject) => {
    queue.push({ job, resolve, reject });
    if (idle.length > 0) idle.pop()?.next();
    else if (threads < MAX_GZIP_THREADS) new GzipThread().next();
  });
}

class GzipThread {
  readonly #worker: Worker;
  #current: Waiting | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor() {
    threads++;
    const name = import.meta.url.endsWith('.ts') ? './gzip-worker.ts' : './gzip-worker.js';
    this.#worker = new Worker(new URL(name, import.meta.url), { resourceLimits: LIMITS });
    this.#worker.on('message', (reply: PartsReply) => this.#answer(reply));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', () => this.#gone());
  }

  /** Takes the next job, or waits for one. */
  next(): void {
    clearTimeout(this.#idleTimer);
    this.#current = queue.shift();
    if (this.#current === undefined) {
      this.#rest();
      return;
    }
    const { job } = this.#current;
    this.#worker.ref();
    this.#worker.postMessage(job, [job.bytes.buffer]);
  }

  #rest(): void {
    this.#worker.unref();
    idle.push(this);
    this.#idleTimer = setTimeout(() => this.#retire(), IDLE_MS).unref();
  }

  /** No more jobs from now on. */
  #retire(): void {
    idle.splice(idle.indexOf(this), 1);
    void this.#worker.terminate();
  }

  #answer(reply: PartsReply): void {
    const waiting = this.#current;
    if (reply.ok) waiting?.resolve(reply.result);
    else waiting?.reject(new Error(reply.message));
    this.next();
  }

  #fail(error: unknown): void {
    this.#current?.reject(error);
    this.#current = undefined;
  }

  #gone(): void {
    threads--;
    this.#fail(new Error('the thread that compresses has ended'));
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
    if (queue.length > 0 && threads < MAX_GZIP_THREADS) new GzipThread().next();
  }
}

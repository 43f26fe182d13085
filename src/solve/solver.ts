import {
  type CopyOp,
  copyKey,
  imageStepKey,
  linkedKey,
  linkKey,
  type Op,
  runKey,
  type StepOp,
  scratchKey,
  workdirKey,
} from '../plan/index.ts';
import type { Entry, LayerId } from '../tree/index.ts';
import { type CopyContent, copyContent } from './copy-content.ts';
import { type CopyPorts, copyEntries, ownerOf, standAlone } from './copy-step.ts';
import type { EventSink } from './events.ts';
import { type MountContent, mountContents, reads } from './mount-content.ts';
import type {
  ArchiveReader,
  BuildContext,
  Credentials,
  FactStore,
  LayerSource,
  LayerStore,
  RemoteSources,
  ResolvedImage,
  Runtime,
  StackLayer,
} from './ports/index.ts';
import { runStep } from './run-step.ts';
import { Semaphore } from './semaphore.ts';
import type { Solved } from './solved.ts';
import { StepCache, type StepPlan } from './step-cache.ts';
import { type Clock, StepLog } from './step-log.ts';
import { TreeCache } from './tree-cache.ts';
import { workdirEntries } from './workdir-step.ts';

type RunOp = Extract<Op, { op: 'run' }>;

export type SolverPorts = {
  readonly facts: FactStore;
  readonly layers: LayerStore;
  /** Fetches layers of base images once a step reads them. */
  readonly layerSource: LayerSource;
  readonly archives: ArchiveReader;
  readonly remote: RemoteSources;
  readonly runtime: Runtime;
  readonly credentials: Credentials;
  readonly images: ReadonlyMap<string, ResolvedImage>;
  readonly context: (name: string) => Promise<BuildContext>;
  readonly events: EventSink;
  readonly clock: Clock;
};

export type SolverOptions = {
  readonly jobs: number;
  readonly noCache: boolean;
  /** Names of the stages whose steps are made anew. */
  readonly noCacheStages?: ReadonlySet<string>;
  /** Seconds since 1970; the time of everything that is made anew. */
  readonly sourceDateEpoch?: number | undefined;
  readonly signal: AbortSignal;
  /** Number of steps of each stage, for titles. */
  readonly totals: ReadonlyMap<string, number>;
};

/** Evaluates ops bottom-up: each once, independent ones at the same time, from the cache where that is possible. */
export class Solver {
  readonly trees: TreeCache;
  readonly #ports: SolverPorts;
  readonly #options: SolverOptions;
  readonly #log: StepLog;
  readonly #steps: StepCache;
  readonly #abort = new AbortController();
  readonly #solved = new Map<Op, Promise<Solved>>();

  constructor(ports: SolverPorts, options: SolverOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#log = new StepLog(ports.events, ports.clock, options.totals);
    const { noCache, noCacheStages } = options;
    this.#steps = new StepCache({
      facts: ports.facts,
      layers: ports.layers,
      log: this.#log,
      places: new Semaphore(options.jobs),
      now: () => this.#now(),
      isAnew: (op) => noCache || (noCacheStages?.has(op.origin.stage) ?? false),
      signal: this.#abort.signal,
    });
    this.trees = new TreeCache(ports.layers, ports.layerSource);
  }

  get counts(): { readonly hits: number; readonly runs: number } {
    return this.#log.counts;
  }

  /**
   * Evaluates ops and all behind them at the same time. When a step fails the steps that run beside it are stopped, and the first
   * failure is thrown once all have ended.
   */
  async solveAll(ops: readonly Op[]): Promise<Solved[]> {
    const { signal } = this.#options;
    const stop = (): void => this.#abort.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.all(ops.map((op) => this.#solve(op)));
    } catch (error) {
      this.#abort.abort(error);
      await Promise.allSettled(this.#solved.values());
      signal.throwIfAborted();
      throw this.#firstFailure ?? error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  /** The same for one op. */
  async solve(op: Op): Promise<Solved> {
    const [solved] = await this.solveAll([op]);
    if (solved === undefined) throw new Error('an op without a result');
    return solved;
  }

  #firstFailure: unknown;

  #solve(op: Op): Promise<Solved> {
    const known = this.#solved.get(op);
    if (known) return known;
    const promise = this.#evaluate(op);
    this.#solved.set(op, promise);
    // Whoever waits sees the error; without this a sibling that nobody waits for yet would end the process
    promise.catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#firstFailure ??= error;
      this.#abort.abort(error);
    });
    return promise;
  }

  async #evaluate(op: Op): Promise<Solved> {
    switch (op.op) {
      case 'scratch':
        return { key: scratchKey, stack: [] };
      case 'image':
        return this.#image(op.key);
      case 'context':
        throw new Error('a context is never evaluated by itself');
      case 'run':
        return this.#runStep(op);
      case 'workdir':
        return this.#step(op, (base) => ({
          key: workdirKey(base.key, op),
          make: async () =>
            this.#store(await workdirEntries({ ...op, time: this.#now() }, base.stack, this.#copyPorts())),
        }));
      case 'copy':
        return this.#copyStep(op);
    }
  }

  #image(key: string): Solved {
    const image = this.#ports.images.get(key);
    if (image === undefined) throw new Error(`no image for ${key}`);
    const diffIds = image.layers.map((layer) => layer.diffId);
    return { key: imageStepKey(diffIds), stack: image.layers };
  }

  async #copyStep(planned: CopyOp): Promise<Solved> {
    // The base and the source are independent: both are evaluated at once
    const source = planned.from.op === 'context' ? undefined : this.#solve(planned.from);
    const [from, base] = await Promise.all([source, this.#solve(planned.base)]);
    const ports = this.#copyPorts();
    const [content, op] = await this.#steps.prepare(planned, () =>
      Promise.all([copyContent(planned, from?.stack, ports), standAlone(planned, base.stack, ports)]),
    );
    return this.#step(op, (below) => this.#planCopy(op, below, content));
  }

  #planCopy(op: CopyOp, base: Solved, content: CopyContent): StepPlan {
    if (!op.link) {
      return {
        key: copyKey(base.key, op, content.digest),
        make: () => this.#copy(op, base.stack, content),
      };
    }
    const key = linkKey(op, content.digest);
    return { key, result: linkedKey(base.key, key), make: () => this.#copy(op, [], content) };
  }

  async #runStep(op: RunOp): Promise<Solved> {
    const contents = op.command.mounts.length === 0 ? [] : await this.#mountContents(op);
    return this.#step(op, (base) => ({
      key: runKey(
        base.key,
        op,
        contents.map((content) => content?.digest),
      ),
      make: (id) => this.#run(op, { base, id, contents }),
    }));
  }

  /** What the mounts of a step read; the base and all that is mounted from are evaluated at once. */
  async #mountContents(op: RunOp): Promise<readonly (MountContent | undefined)[]> {
    const ports = { ...this.#copyPorts(), runtime: this.#ports.runtime };
    const origins = op.command.mounts.map((mount) => {
      const from = reads(mount) ? mount.from : undefined;
      return from === undefined || from.op === 'context' ? undefined : this.#solve(from);
    });
    const [, ...solved] = await Promise.all([this.#solve(op.base), ...origins]);
    const stacks = solved.map((one) => one?.stack);
    return this.#steps.prepare(op, () => mountContents(op.command.mounts, stacks, ports));
  }

  async #step(op: StepOp, plan: (base: Solved) => StepPlan): Promise<Solved> {
    const base = await this.#solve(op.base);
    this.#abort.signal.throwIfAborted();
    return this.#steps.take(op, base, plan(base));
  }

  async #run(
    op: RunOp,
    { base, id, contents }: { base: Solved; id: number; contents: readonly (MountContent | undefined)[] },
  ): Promise<LayerId | undefined> {
    const { runtime, layers, events, credentials } = this.#ports;
    const ports = { runtime, layers, events, credentials, trees: this.trees, signal: this.#abort.signal };
    const layer = await runStep(op, { stack: base.stack, id, contents }, ports);
    return layer.entries.length === 0 ? undefined : layer.id;
  }

  /** `base` is the stack whose tree is copied onto. */
  async #copy(op: CopyOp, base: readonly StackLayer[], content: CopyContent): Promise<LayerId | undefined> {
    const ports = this.#copyPorts();
    const bytes = await this.#ports.layerSource.missingBytes(base);
    if (bytes > 0) this.#ports.events.emit({ type: 'base-fetched', at: op.origin.at, bytes });
    const [items, owner] = await Promise.all([
      content.load(),
      ownerOf({ text: op.chown ?? '', step: op }, base, ports),
    ]);
    const work = { base: await this.trees.of(base), items, owner, newTime: this.#now() };
    return this.#store(await copyEntries(op, work, ports));
  }

  async #store(entries: readonly Entry[]): Promise<LayerId | undefined> {
    if (entries.length === 0) return undefined;
    return (await this.#ports.layers.write(entries, this.#abort.signal)).id;
  }

  #copyPorts(): CopyPorts {
    const { events } = this.#ports;
    const warn: CopyPorts['warn'] = (message, step, hint) =>
      events.emit({ type: 'warning', message, at: step.origin.at, ...(hint === undefined ? {} : { hint }) });
    return { ...this.#ports, trees: this.trees, warn, signal: this.#abort.signal };
  }

  #now(): number {
    return this.#options.sourceDateEpoch ?? Math.floor(this.#ports.clock.wallMs() / 1000);
  }
}

import {
  type CopyOp,
  copyKey,
  imageStepKey,
  linkedKey,
  linkKey,
  type Op,
  runKey,
  type StepKey,
  type StepOp,
  scratchKey,
  workdirKey,
} from '../plan/index.ts';
import { type Entry, type LayerId, makeDirectory } from '../tree/index.ts';
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
} from './ports.ts';
import { runStep } from './run-step.ts';
import { Semaphore } from './semaphore.ts';
import { onTop, type Solved } from './solved.ts';
import { type Clock, locateError, StepLog } from './step-log.ts';
import { readStepRecord, type StepRecord, writeStepRecord } from './step-record.ts';
import { TreeCache } from './tree-cache.ts';

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

/** How a step is found or made. `result` is the key of what is on top of it then, where that is not the layer's own. */
type StepPlan = {
  readonly key: StepKey;
  readonly result?: StepKey;
  readonly make: (id: number) => Promise<LayerId | undefined>;
};

/** Evaluates ops bottom-up: each once, independent ones at the same time, from the cache where that is possible. */
export class Solver {
  readonly trees: TreeCache;
  readonly #ports: SolverPorts;
  readonly #options: SolverOptions;
  readonly #log: StepLog;
  readonly #places: Semaphore;
  readonly #abort = new AbortController();
  readonly #solved = new Map<Op, Promise<Solved>>();
  /** Steps of this build by key: equal ones in several stages are made once. */
  readonly #made = new Map<StepKey, Promise<StepRecord>>();

  constructor(ports: SolverPorts, options: SolverOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#log = new StepLog(ports.events, ports.clock, options.totals);
    this.#places = new Semaphore(options.jobs);
    this.trees = new TreeCache(ports.layers, ports.layerSource);
  }

  get counts(): { readonly hits: number; readonly runs: number } {
    return this.#log.counts;
  }

  /**
   * Evaluates `op` and all behind it. When a step fails the steps that run beside it are stopped, and the first
   * failure is thrown once all have ended.
   */
  async solve(op: Op): Promise<Solved> {
    const { signal } = this.#options;
    const stop = (): void => this.#abort.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      signal.throwIfAborted();
      return await this.#solve(op);
    } catch (error) {
      this.#abort.abort(error);
      await Promise.allSettled(this.#solved.values());
      signal.throwIfAborted();
      throw this.#firstFailure ?? error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
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
          make: () => this.#workdir(op, base),
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
    const [content, op] = await this.#ifFails(planned, () =>
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
    const { facts, layers, context } = this.#ports;
    const ports = { facts, layers, context, trees: this.trees, signal: this.#abort.signal };
    const origins = op.command.mounts.map((mount) => {
      const from = reads(mount) ? mount.from : undefined;
      return from === undefined || from.op === 'context' ? undefined : this.#solve(from);
    });
    const [, ...solved] = await Promise.all([this.#solve(op.base), ...origins]);
    const stacks = solved.map((one) => one?.stack);
    return this.#ifFails(op, () => mountContents(op.command.mounts, stacks, ports));
  }

  /** A step whose sources cannot be read fails before it has a key. */
  async #ifFails<T>(op: StepOp, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#log.start(op).end(this.#abort.signal.aborted ? 'cancelled' : 'failed');
      throw locateError(error, op.origin);
    }
  }

  /** One step on top of its base: found in the cache, or made and remembered. */
  async #step(op: StepOp, plan: (base: Solved) => StepPlan): Promise<Solved> {
    const base = await this.#solve(op.base);
    this.#abort.signal.throwIfAborted();
    const { key, result = key, make } = plan(base);
    const { facts, layers } = this.#ports;
    const { noCache, noCacheStages } = this.#options;
    const anew = noCache || noCacheStages?.has(op.origin.stage);
    const known = anew ? undefined : await readStepRecord(facts, layers, key);
    if (known) {
      this.#log.start(op).end('hit');
      return onTop(base, result, known);
    }
    const twin = this.#made.get(key);
    const making = twin ?? this.#make(op, key, make);
    this.#made.set(key, making);
    const record = await making;
    if (twin !== undefined) this.#log.start(op).end('hit');
    return onTop(base, result, record);
  }

  #make(op: StepOp, key: StepKey, make: StepPlan['make']): Promise<StepRecord> {
    return this.#places.run(async () => {
      this.#abort.signal.throwIfAborted();
      const step = this.#log.start(op);
      try {
        const layer = await make(step.id);
        const record = { layer, created: new Date(this.#now() * 1000).toISOString() };
        await writeStepRecord(this.#ports.facts, key, record);
        step.end('done');
        return record;
      } catch (error) {
        step.end(this.#abort.signal.aborted ? 'cancelled' : 'failed');
        throw locateError(error, op.origin);
      }
    });
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

  async #workdir(op: Extract<Op, { op: 'workdir' }>, base: Solved): Promise<LayerId | undefined> {
    const tree = await this.trees.of(base.stack);
    // The same owner as --chown with this user, which for a number alone is not what RUN takes
    const owner = await ownerOf(op.user, base.stack, this.#copyPorts());
    const { uid, gid } = owner ?? { uid: 0, gid: 0 };
    return this.#store(makeDirectory(tree, op.path, { uid, gid, mode: 0o755, time: this.#now() }));
  }

  /** `base` is the stack whose tree is copied onto. */
  async #copy(op: CopyOp, base: readonly StackLayer[], content: CopyContent): Promise<LayerId | undefined> {
    const ports = this.#copyPorts();
    const [items, owner] = await Promise.all([content.load(), ownerOf(op.chown ?? '', base, ports)]);
    const work = { base: await this.trees.of(base), items, owner, newTime: this.#now() };
    return this.#store(await copyEntries(op, work, ports));
  }

  async #store(entries: readonly Entry[]): Promise<LayerId | undefined> {
    if (entries.length === 0) return undefined;
    return (await this.#ports.layers.write(entries, this.#abort.signal)).id;
  }

  #copyPorts(): CopyPorts {
    const { facts, layers, archives, remote, context, events } = this.#ports;
    const warn = (message: string, op: CopyOp): void =>
      events.emit({ type: 'warning', message, at: op.origin.at });
    const signal = this.#abort.signal;
    return { facts, layers, archives, remote, trees: this.trees, context, warn, signal };
  }

  #now(): number {
    return this.#options.sourceDateEpoch ?? Math.floor(this.#ports.clock.wallMs() / 1000);
  }
}

import { availableParallelism } from 'node:os';
import type { RegistryConfig } from '../registry/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import { LayerFetcher } from './layer-fetcher.ts';
import type { LocalStore } from './local-store.ts';
import { Registries } from './registries.ts';

export type RemoteAccessOptions = {
  readonly store: LocalStore;
  readonly config: (() => Promise<RegistryConfig>) | undefined;
  readonly emit: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
  /** How much moves at once; default: twice as much as there are cores, and 4 at least. */
  readonly jobs?: number | undefined;
  readonly insecure?: boolean | undefined;
};

/** A store together with the registries that hold the rest. Opens no connection by itself; dispose it. */
export class RemoteAccess implements AsyncDisposable {
  readonly store: LocalStore;
  readonly emit: (event: BuildEvent) => void;
  readonly signal: AbortSignal;
  readonly registries: Registries;
  readonly fetcher: LayerFetcher;
  readonly jobs: number;

  constructor({ store, emit, signal, config, insecure, jobs }: RemoteAccessOptions) {
    this.store = store;
    this.emit = emit;
    this.signal = signal;
    // Whatever moves waits for others most of the time
    this.jobs = jobs ?? Math.max(4, availableParallelism() * 2);
    this.registries = new Registries({ config, emit, insecure, connections: this.jobs });
    this.fetcher = new LayerFetcher(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registries[Symbol.asyncDispose]();
  }
}

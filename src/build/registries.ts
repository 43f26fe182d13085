import type { RegistryClient, RegistryConfig, RegistryEvent, Repository } from '../registry/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import type { Place } from './blob-places.ts';

export type RegistriesOptions = {
  /** Credentials, mirrors, certificates and proxies; asked for when the first registry is needed. */
  readonly config?: (() => Promise<RegistryConfig>) | undefined;
  readonly emit: (event: BuildEvent) => void;
  /** Connections to one registry. */
  readonly connections: number;
  /** Plain HTTP and TLS that cannot be verified are allowed everywhere. */
  readonly insecure?: boolean | undefined;
};

/** Clients of registries, loaded and opened when the first is needed. */
export class Registries implements AsyncDisposable {
  readonly #options: RegistriesOptions;
  readonly #clients = new Map<boolean, Promise<RegistryClient>>();

  constructor(options: RegistriesOptions) {
    this.#options = options;
  }

  /** @throws RegistryError REGISTRY_BLOCKED */
  async repository(
    { registry, repository }: Place,
    { insecure = this.#options.insecure ?? false }: { readonly insecure?: boolean | undefined } = {},
  ): Promise<Repository> {
    return (await this.#client(insecure)).repository({ registry, repository });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients.values()) await (await client)[Symbol.asyncDispose]();
  }

  #client(insecure: boolean): Promise<RegistryClient> {
    const known = this.#clients.get(insecure);
    if (known) return known;
    const opened = this.#open(insecure);
    this.#clients.set(insecure, opened);
    return opened;
  }

  async #open(insecure: boolean): Promise<RegistryClient> {
    const { emit, config, connections } = this.#options;
    const { EMPTY_REGISTRY_CONFIG, openRegistryClient } = await import('../registry/index.ts');
    return openRegistryClient({
      config: (await config?.()) ?? EMPTY_REGISTRY_CONFIG,
      onEvent: (event) => emit(told(event)),
      insecure,
      connectionsPerHost: connections,
    });
  }
}

/** What a registry client tells, as an event of a build. */
export function told(event: RegistryEvent): BuildEvent {
  switch (event.type) {
    case 'wait':
      return { ...event, type: 'waiting' };
    case 'quota':
      return event;
    case 'mirror-skipped':
      return { type: 'notice', message: `the mirror ${event.mirror} is passed over: ${event.reason}` };
    case 'resumed':
      return { type: 'notice', message: `${event.digest} goes on at ${event.offset} bytes` };
    case 'refetch':
      return { type: 'notice', message: `${event.digest} was damaged and is fetched again` };
  }
}

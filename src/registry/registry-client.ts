import { LapidaryError, quoted } from '../errors/index.ts';
import { systemClock } from './clock.ts';
import { Connections } from './connections.ts';
import { type Endpoint, endpointsFor } from './endpoints.ts';
import { Host } from './host.ts';
import { hostOf } from './names.ts';
import { type Place, Places } from './places.ts';
import { RemoteRepository } from './repository.ts';
import type { Session } from './session.ts';
import type { RegistryClient, RegistryClientOptions, Repository, Timeouts } from './types.ts';

const TIMEOUTS: Timeouts = { connect: 30_000, idle: 60_000, answer: 180_000, commit: 600_000 };
const PATIENCE_MS = 5 * 60_000;
const FIRST_CONTACT_MS = 10_000;
const CONNECTIONS_PER_HOST = 8;

/** A client with connections and tokens of its own. Nothing is connected to yet. */
export function openRegistryClient(options: RegistryClientOptions): RegistryClient {
  return new HttpRegistryClient(options);
}

class HttpRegistryClient implements RegistryClient {
  readonly #session: Session;
  readonly #closing = new AbortController();
  readonly #hosts = new Map<string, Host>();

  constructor(options: RegistryClientOptions) {
    const insecureHosts = new Set<string>();
    const insecure = options.insecure ?? false;
    const { config } = options;
    this.#session = {
      config,
      clock: options.clock ?? systemClock,
      timeouts: { ...TIMEOUTS, ...options.timeouts },
      connections: new Connections({
        config,
        perHost: options.connectionsPerHost ?? CONNECTIONS_PER_HOST,
        isInsecure: (host) => insecure || insecureHosts.has(host),
      }),
      emit: options.onEvent ?? (() => undefined),
      patienceMs: options.patienceMs ?? PATIENCE_MS,
      firstContactMs: options.firstContactMs ?? FIRST_CONTACT_MS,
      closed: this.#closing.signal,
      insecureHosts,
      insecure,
    };
  }

  repository(named: { readonly registry: string; readonly repository: string }): Repository {
    const { origin, mirrors, blockedBy } = endpointsFor(named, this.#session.config.rules);
    if (blockedBy !== undefined) {
      const name = `${named.registry}/${named.repository}`;
      throw new LapidaryError(
        'REGISTRY_BLOCKED',
        `${quoted(name)} is blocked by the configuration of registries`,
        {
          hint: `the rule for ${quoted(blockedBy)} in registries.conf says blocked = true`,
        },
      );
    }
    const places = new Places(
      this.#place(origin),
      mirrors.map((mirror) => this.#place(mirror, true)),
    );
    return new RemoteRepository(named, places);
  }

  #place(endpoint: Endpoint, mirror = false): Place {
    const name = hostOf(endpoint.registry);
    if (endpoint.insecure) this.#session.insecureHosts.add(new URL(`https://${name}`).host);
    const key = `${mirror} ${name}`;
    const host = this.#hosts.get(key) ?? new Host(this.#sessionFor(mirror), name);
    this.#hosts.set(key, host);
    return { host, endpoint };
  }

  /** A mirror that does not answer is left out, not waited for. */
  #sessionFor(mirror: boolean): Session {
    return mirror ? { ...this.#session, firstContactMs: 0 } : this.#session;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new LapidaryError('REGISTRY_UNREACHABLE', 'the registry client was closed'));
    this.#session.connections[Symbol.dispose]();
  }
}

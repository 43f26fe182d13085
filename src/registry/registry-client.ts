import { LapidaryError, quoted } from '../errors/index.ts';
import { type Endpoint, endpointsFor } from './endpoints.ts';
import { Host } from './host.ts';
import { checkPlace, hostOf } from './names.ts';
import { type OpenedSession, openSession } from './open-session.ts';
import { type Place, Places } from './places.ts';
import { RemoteRepository } from './repository.ts';
import type { Session } from './session.ts';
import type { RegistryClient, RegistryClientOptions, Repository } from './types.ts';

/** A client with connections and tokens of its own. Nothing is connected to yet. */
export function openRegistryClient(options: RegistryClientOptions): RegistryClient {
  return new HttpRegistryClient(options);
}

class HttpRegistryClient implements RegistryClient {
  readonly #opened: OpenedSession;
  readonly #session: Session;
  readonly #hosts = new Map<string, Host>();

  constructor(options: RegistryClientOptions) {
    this.#opened = openSession(options);
    this.#session = this.#opened.session;
  }

  repository(named: { readonly registry: string; readonly repository: string }): Repository {
    checkPlace(named.registry, named.repository);
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
    checkPlace(endpoint.registry, endpoint.repository);
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

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#opened[Symbol.asyncDispose]();
  }
}

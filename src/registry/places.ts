import { LapidaryError, messageOf } from '../errors/index.ts';
import type { Grant } from './authorisation.ts';
import type { Endpoint } from './endpoints.ts';
import { Fault } from './fault.ts';
import type { Host } from './host.ts';
import type { Patience } from './patience.ts';

/** A repository on a host. */
export type Place = {
  readonly host: Host;
  readonly endpoint: Endpoint;
};

/** `/v2/app/manifests/1` */
export function pathIn({ endpoint }: Place, rest: string): string {
  return `/v2/${endpoint.repository}/${rest}`;
}

export function pullGrant({ endpoint: { registry, repository } }: Place): Grant {
  return { name: `${registry}/${repository}`, scopes: [`repository:${repository}:pull`] };
}

/** Also for reading from other repositories of the registry, which mounting needs. */
export function pushGrant(
  { endpoint: { registry, repository } }: Place,
  from: readonly string[] = [],
): Grant {
  const others = from.filter((one) => one !== repository).map((one) => `repository:${one}:pull`);
  return { name: `${registry}/${repository}`, scopes: [`repository:${repository}:pull,push`, ...others] };
}

/** A repository and its mirrors. */
export class Places {
  readonly origin: Place;
  readonly #mirrors: readonly Place[];
  /** Mirrors that could not be reached: not tried again. */
  readonly #dead = new Set<Place>();

  constructor(origin: Place, mirrors: readonly Place[]) {
    this.origin = origin;
    this.#mirrors = mirrors;
  }

  /**
   * Reads from the first place that can: mirrors are asked once, the registry itself as long as there is patience.
   * `run` must throw a Fault for what may pass.
   */
  async read<T>(
    call: ReadCall & { readonly patience?: Patience },
    run: (place: Place) => Promise<T>,
  ): Promise<T> {
    const patience = call.patience ?? this.origin.host.patience(call.what);
    while (true) {
      try {
        return await this.#readOnce(call, run);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        await patience.wait(error, call.signal);
      }
    }
  }

  async #readOnce<T>(call: ReadCall, run: (place: Place) => Promise<T>): Promise<T> {
    for (const mirror of this.#mirrorsFor(call)) {
      try {
        return await run(mirror);
      } catch (error) {
        call.signal?.throwIfAborted();
        this.#skip(mirror, error);
      }
    }
    return run(this.origin);
  }

  #mirrorsFor({ originOnly, by }: ReadCall): readonly Place[] {
    if (originOnly) return [];
    return this.#mirrors.filter((mirror) => !this.#dead.has(mirror) && allows(mirror.endpoint.pull, by));
  }

  #skip(mirror: Place, error: unknown): void {
    const thrown = error instanceof Fault ? error.error : error;
    if (!(thrown instanceof LapidaryError)) throw error;
    if (thrown.code === 'REGISTRY_UNREACHABLE' || thrown.code === 'REGISTRY_TLS') this.#dead.add(mirror);
    const { registry, repository } = mirror.endpoint;
    this.origin.host.session.emit({
      type: 'mirror-skipped',
      mirror: `${registry}/${repository}`,
      reason: messageOf(thrown),
    });
  }
}

export type ReadCall = {
  /** `GET /v2/app/manifests/1` */
  readonly what: string;
  readonly by: 'tag' | 'digest';
  readonly signal: AbortSignal | undefined;
  /** Leave the mirrors out. */
  readonly originOnly?: boolean;
};

function allows(pull: Endpoint['pull'], by: 'tag' | 'digest'): boolean {
  return pull === 'all' || pull === `${by}-only`;
}

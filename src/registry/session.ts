import type { RegistryConfig } from './config.ts';
import type { Connections } from './connections.ts';
import { Patience } from './patience.ts';
import type { Clock, RegistryEvent, Timeouts } from './types.ts';

/** What everything of one client shares. */
export type Session = {
  readonly config: RegistryConfig;
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  readonly connections: Connections;
  readonly emit: (event: RegistryEvent) => void;
  readonly patienceMs: number;
  readonly firstContactMs: number;
  /** Of streams. */
  readonly chunkBytes: number;
  /** Aborted when the client is disposed: ends what several calls wait for. */
  readonly closed: AbortSignal;
  /** Hosts (`host:port`) whose TLS need not be trusted and that may speak plain HTTP. */
  readonly insecureHosts: Set<string>;
  /** Every host, as for `--tls-verify=false`. */
  readonly insecure: boolean;
};

/** Patience for an undertaking that talks to `host`; `reached` says whether that ever answered. */
export function patienceFor(
  session: Session,
  { host, what, reached }: { readonly host: string; readonly what: string; readonly reached: () => boolean },
): Patience {
  const limitMs = (): number =>
    reached() ? session.patienceMs : Math.min(session.patienceMs, session.firstContactMs);
  return new Patience({ clock: session.clock, emit: session.emit, limitMs, host, what });
}

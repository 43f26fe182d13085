import { LapidaryError } from '../errors/index.ts';
import { systemClock } from './clock.ts';
import { Connections } from './connections.ts';
import type { Session } from './session.ts';
import type { RegistryClientOptions, Timeouts } from './types.ts';

const TIMEOUTS: Timeouts = { connect: 30_000, idle: 60_000, answer: 180_000, commit: 600_000 };
const PATIENCE_MS = 5 * 60_000;
const FIRST_CONTACT_MS = 10_000;
const CONNECTIONS_PER_HOST = 8;
const CHUNK_BYTES = 16 * 1024 * 1024;

export type OpenedSession = AsyncDisposable & { readonly session: Session };

/** Options with what stands for those that are left out, and connections that the owner disposes. */
export function openSession(options: RegistryClientOptions): OpenedSession {
  const { config, insecure = false } = options;
  const closing = new AbortController();
  const insecureHosts = new Set<string>();
  const connections = new Connections({
    config,
    perHost: options.connectionsPerHost ?? CONNECTIONS_PER_HOST,
    isInsecure: (host) => insecure || insecureHosts.has(host),
  });
  const session = {
    config,
    connections,
    clock: options.clock ?? systemClock,
    timeouts: { ...TIMEOUTS, ...options.timeouts },
    emit: options.onEvent ?? (() => undefined),
    patienceMs: options.patienceMs ?? PATIENCE_MS,
    firstContactMs: options.firstContactMs ?? FIRST_CONTACT_MS,
    chunkBytes: options.chunkBytes ?? CHUNK_BYTES,
    closed: closing.signal,
    insecureHosts,
    insecure,
  };
  return {
    session,
    async [Symbol.asyncDispose]() {
      closing.abort(new LapidaryError('REGISTRY_UNREACHABLE', 'the registry client was closed'));
      connections[Symbol.dispose]();
    },
  };
}

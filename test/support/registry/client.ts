import {
  type Clock,
  EMPTY_REGISTRY_CONFIG,
  openRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
  type RegistryConfig,
  type RegistryEvent,
} from '../../../src/registry/index.ts';

/** A clock on which waiting takes no time, but time passes. */
export function quickClock(): Clock & { readonly waited: readonly number[] } {
  const waited: number[] = [];
  let now = Date.parse('2030-01-01T00:00:00Z');
  return {
    waited,
    now: () => now,
    random: () => 0.5,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      waited.push(ms);
      now += ms;
      await Promise.resolve();
    },
  };
}

export type TestClient = {
  readonly client: RegistryClient;
  readonly events: readonly RegistryEvent[];
  /** Milliseconds of each wait, in order. */
  readonly waited: readonly number[];
};

/** A client that waits in no time, speaks plain HTTP and knows `config` of its user. */
export function testClient(
  options: Partial<RegistryClientOptions> & { readonly config?: RegistryConfig } = {},
): TestClient {
  const events: RegistryEvent[] = [];
  const clock = quickClock();
  const client = openRegistryClient({
    config: EMPTY_REGISTRY_CONFIG,
    insecure: true,
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { client, events, waited: clock.waited };
}

/** The configuration of somebody who has logged in. */
export function loggedIn(host: string, username: string, password: string): RegistryConfig {
  return {
    ...EMPTY_REGISTRY_CONFIG,
    credentialFiles: [
      {
        path: '/home/config.json',
        auths: new Map([[host, { kind: 'password', username, password }]]),
        credHelpers: new Map(),
      },
    ],
  };
}

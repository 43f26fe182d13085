import { createHash } from 'node:crypto';
import type { Digest } from '../oci/index.ts';
import { EMPTY_REGISTRY_CONFIG, type RegistryConfig } from './config.ts';
import { openRegistryClient } from './registry-client.ts';
import type { RegistryClient, RegistryClientOptions, RegistryEvent } from './types.ts';

export type TestClient = AsyncDisposable & {
  readonly client: RegistryClient;
  readonly events: RegistryEvent[];
  /** What was waited, in milliseconds; no time passes for it. */
  readonly slept: number[];
};

/** A client for which waiting takes no time and chance is known. */
export function openTestClient(
  config: Partial<RegistryConfig> = {},
  options: Partial<RegistryClientOptions> = {},
): TestClient {
  const events: RegistryEvent[] = [];
  const slept: number[] = [];
  let now = Date.UTC(2026, 0, 1);
  const clock = {
    now: () => now,
    random: () => 1,
    sleep: async (ms: number, signal: AbortSignal | undefined) => {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
  const client = openRegistryClient({
    config: { ...EMPTY_REGISTRY_CONFIG, ...config },
    clock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { client, events, slept, [Symbol.asyncDispose]: async () => client[Symbol.asyncDispose]() };
}

/** Credentials of one server. */
export function loggedIn(server: string, username: string, password: string): Partial<RegistryConfig> {
  const auths = new Map([[server, { kind: 'password', username, password } as const]]);
  return { credentialFiles: [{ path: 'test', auths, credHelpers: new Map() }] };
}

/** Bytes that do not repeat, the same every time. */
export function testBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0, n = 0; at < size; at += 32, n++)
    createHash('sha256').update(String(n)).digest().copy(bytes, at);
  return bytes;
}

export function blobOf(bytes: Uint8Array): {
  readonly digest: Digest;
  readonly size: number;
  readonly mediaType: string;
} {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as Digest;
  return { digest, size: bytes.length, mediaType: 'application/octet-stream' };
}

/** A source that can be opened at any offset, in pieces. */
export function sourceOf(bytes: Uint8Array, piece = 65_536): (offset?: number) => AsyncGenerator<Uint8Array> {
  return async function* (offset = 0) {
    for (let at = offset; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
  };
}

import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { type HostCertificates, readCertificates } from './certificates.ts';
import type { RegistryConfig } from './config.ts';
import { proxyFor } from './proxy.ts';

/**
 * What a connection is used for. Each has its own bound, so that a transfer that waits for another one of the same
 * host cannot keep that from getting a connection.
 */
export type Lane = 'control' | 'download' | 'upload';

export type ConnectionsParts = {
  readonly config: RegistryConfig;
  readonly perHost: number;
  /** Whether the certificate of a `host:port` need not be trusted. */
  readonly isInsecure: (host: string) => boolean;
};

/** Connections that are kept open, per origin and lane. */
export class Connections implements Disposable {
  readonly #parts: ConnectionsParts;
  readonly #agents = new Map<string, Promise<HttpAgent>>();
  readonly #contexts = new Map<string, Promise<SecureContext | undefined>>();
  /** Hosts for which the authorities of this machine are trusted, too. */
  readonly #widened = new Set<string>();

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  /** `unverified`: a certificate that nobody vouches for will do. Its connections are shared with nobody else. */
  agent(url: URL, lane: Lane, unverified = false): Promise<HttpAgent> {
    const key = `${lane} ${url.origin} ${this.#widened.has(url.host)} ${unverified}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const agent = this.#open(url, unverified);
    this.#agents.set(key, agent);
    return agent;
  }

  /**
   * A host's certificate is of no authority that Node knows: from now on those of this machine count for it. They are
   * not read before, as that takes longer than most of what is done with them.
   */
  widen({ host }: URL): void {
    this.#widened.add(host);
  }

  isWide({ host }: URL): boolean {
    return this.#widened.has(host);
  }

  async #open(url: URL, unverified: boolean): Promise<HttpAgent> {
    const { config, perHost, isInsecure } = this.#parts;
    const proxy = proxyFor(url, config.proxy);
    const options = {
      keepAlive: true,
      maxSockets: perHost,
      ...(proxy !== undefined && { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
    };
    if (url.protocol === 'http:') return new HttpAgent(options);
    const secureContext = await this.#context(url.host, this.#widened.has(url.host));
    return new HttpsAgent({
      ...options,
      ...(secureContext && { secureContext }),
      rejectUnauthorized: !unverified && !isInsecure(url.host),
    });
  }

  /** Made once per host: reading the roots for every connection takes longer than its handshake. */
  #context(host: string, wide: boolean): Promise<SecureContext | undefined> {
    const key = `${host} ${wide}`;
    const known = this.#contexts.get(key);
    if (known) return known;
    const { certificateDirectories } = this.#parts.config;
    const context = readCertificates(certificateDirectories, host).then((own) => contextFor(own, wide));
    this.#contexts.set(key, context);
    return context;
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) {
      agent.then(
        (opened) => opened.destroy(),
        () => undefined,
      );
    }
    this.#agents.clear();
  }
}

/** The machine's authorities, for hosts that have none of their own. */
let machineContext: SecureContext | undefined;

/** `undefined` for what Node trusts by itself, which it has ready. */
function contextFor(own: HostCertificates, wide: boolean): SecureContext | undefined {
  const { ca, cert, key } = own;
  const plain = ca.length === 0 && cert === undefined;
  if (!plain) {
    const identity = { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) };
    return createSecureContext({ ca: [...authorities(wide), ...ca], ...identity });
  }
  if (!wide) return undefined;
  machineContext ??= createSecureContext({ ca: authorities(true) });
  return machineContext;
}

function authorities(wide: boolean): string[] {
  const system = wide ? getCACertificates('system') : [];
  return [...new Set([...getCACertificates('default'), ...system])];
}

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
  readonly #contexts = new Map<string, Promise<SecureContext>>();

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  agent(url: URL, lane: Lane): Promise<HttpAgent> {
    const key = `${lane} ${url.origin}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const agent = this.#open(url);
    this.#agents.set(key, agent);
    return agent;
  }

  async #open(url: URL): Promise<HttpAgent> {
    const { config, perHost, isInsecure } = this.#parts;
    const proxy = proxyFor(url, config.proxy);
    const options = {
      keepAlive: true,
      maxSockets: perHost,
      // So that tests and short commands do not wait for idle connections
      ...(proxy !== undefined && { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
    };
    if (url.protocol === 'http:') return new HttpAgent(options);
    const secureContext = await this.#context(url.host);
    return new HttpsAgent({ ...options, secureContext, rejectUnauthorized: !isInsecure(url.host) });
  }

  /** Made once per host: reading all the roots for every connection takes longer than its handshake. */
  #context(host: string): Promise<SecureContext> {
    const known = this.#contexts.get(host);
    if (known) return known;
    const context = readCertificates(this.#parts.config.certificateDirectories, host).then(secureContext);
    this.#contexts.set(host, context);
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

/** Trusts what Node, the machine and NODE_EXTRA_CA_CERTS trust, and the registry's own authority. */
function secureContext({ ca, cert, key }: HostCertificates): SecureContext {
  const trusted = [
    ...getCACertificates('bundled'),
    ...getCACertificates('system'),
    ...getCACertificates('extra'),
    ...ca,
  ];
  return createSecureContext({
    ca: [...new Set(trusted)],
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}

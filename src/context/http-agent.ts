import type { Agent } from 'node:http';

/** Values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case. */
export type ProxyVariables = Readonly<Record<string, string>>;

/**
 * Fetches are few: connections are not kept, so that nothing waits for them at the end. Nor is Node's HTTP loaded before
 * there is one: it takes longer than a build that has everything in the cache.
 */
export async function agentFor(secure: boolean, proxy: ProxyVariables): Promise<Agent> {
  const proxyEnv = { ...proxy };
  const { Agent } = secure ? await import('node:https') : await import('node:http');
  return new Agent({ proxyEnv, ...(secure ? { ca: await authorities() } : {}) });
}

let known: string[] | undefined;

/** Those of Node, of the machine, and of NODE_EXTRA_CA_CERTS. Read once, and only for https. */
async function authorities(): Promise<string[]> {
  const { getCACertificates } = await import('node:tls');
  known ??= [
    ...new Set([
      ...getCACertificates('bundled'),
      ...getCACertificates('system'),
      ...getCACertificates('extra'),
    ]),
  ];
  return known;
}

import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { getCACertificates } from 'node:tls';

/** Values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case. */
export type ProxyVariables = Readonly<Record<string, string>>;

/** Fetches are few: connections are not kept, so that nothing waits for them at the end. */
export function agentFor(secure: boolean, proxy: ProxyVariables): HttpAgent {
  const proxyEnv = { ...proxy };
  return secure ? new HttpsAgent({ proxyEnv, ca: authorities() }) : new HttpAgent({ proxyEnv });
}

let known: string[] | undefined;

/** Those of Node, of the machine, and of NODE_EXTRA_CA_CERTS. Read once, and only for https. */
function authorities(): string[] {
  known ??= [
    ...new Set([
      ...getCACertificates('bundled'),
      ...getCACertificates('system'),
      ...getCACertificates('extra'),
    ]),
  ];
  return known;
}

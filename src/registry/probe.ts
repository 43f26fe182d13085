import { readErrorBody } from './answer-body.ts';
import type { Grant } from './authorisation.ts';
import { isNoTls } from './connection-error.ts';
import { type Answer, exchange } from './exchange.ts';
import { Fault } from './fault.ts';
import type { Host } from './host.ts';
import { isLoopback } from './proxy.ts';
import { RegistryError } from './registry-error.ts';
import { challengeOf } from './status.ts';

/**
 * Finds out how a host is spoken to, and lets it say how it wants to be authorised, by asking for `/v2/`. Plain HTTP
 * is tried where the user's configuration allows it and on loopback, as docker does, and only when TLS is not spoken.
 */
export async function findScheme(host: Host, grant: Grant, signal: AbortSignal | undefined): Promise<URL> {
  const patience = host.patience('GET /v2/');
  while (true) {
    try {
      const answer = await ping(host, signal);
      const limits = { idleMs: host.session.timeouts.idle, signal };
      await readErrorBody(answer, limits);
      // Whatever else is answered: it is the request itself that matters
      if (answer.status === 401) await host.authorisation.learn(challengeOf(answer), undefined, grant);
      return new URL('/', answer.url);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await patience.wait(error, signal);
    }
  }
}

async function ping(host: Host, signal: AbortSignal | undefined): Promise<Answer> {
  const get = (scheme: string): Promise<Answer> => {
    const url = new URL(`${scheme}://${host.name}/v2/`);
    const headers = { 'user-agent': 'lapidary' };
    return exchange({ method: 'GET', url, headers, lane: 'control', signal }, host.session);
  };
  const { hostname, host: name } = new URL(`https://${host.name}`);
  const { insecure, insecureHosts } = host.session;
  if (!insecure && !insecureHosts.has(name) && !isLoopback(hostname)) return get('https');
  try {
    return await get('https');
  } catch (error) {
    signal?.throwIfAborted();
    const noTls = error instanceof RegistryError && isNoTls(error.cause);
    if (!noTls && !(error instanceof Fault)) throw error;
    return get('http');
  }
}

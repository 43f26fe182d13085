import { discard } from './answer-body.ts';
import type { Answer, WireRequest } from './exchange.ts';
import { protocolError, RegistryError } from './registry-error.ts';

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_HOPS = 10;

/**
 * Follows the redirects of a request that reads. What authorises it stays with the host it was meant for, and TLS is
 * never left for plain HTTP.
 */
export async function followRedirects(
  wire: WireRequest,
  send: (wire: WireRequest) => Promise<Answer>,
): Promise<Answer> {
  let current = wire;
  for (let hop = 0; ; hop++) {
    const answer = await send(current);
    if (!REDIRECTS.has(answer.status) || (wire.method !== 'GET' && wire.method !== 'HEAD')) return answer;
    discard(answer);
    if (hop === MAX_HOPS) throw protocolError(answer, `with more than ${MAX_HOPS} redirects`);
    current = redirected(current, answer);
  }
}

function redirected(wire: WireRequest, answer: Answer): WireRequest {
  const location = answer.headers.location;
  const url = location === undefined ? null : URL.parse(location, wire.url.href);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw protocolError(answer, 'with a redirect to no URL');
  if (url.protocol === 'http:' && wire.url.protocol === 'https:') {
    throw new RegistryError('REGISTRY_TLS', {
      method: wire.method,
      url: wire.url,
      reason: `redirected from TLS to plain HTTP at ${url.host}`,
      hint: 'the registry must redirect to https',
    });
  }
  if (url.origin === wire.url.origin) return { ...wire, url };
  const { authorization: _, ...headers } = wire.headers;
  return { ...wire, url, headers };
}

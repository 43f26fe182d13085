import { messageOf } from '../errors/index.ts';
import { Fault } from './fault.ts';
import { RegistryError } from './registry-error.ts';

/** What the other side is known to do: how the request went wrong, in words, and whether it may pass. */
type Trouble = {
  readonly reason: string;
  readonly hint?: string;
  readonly passes: boolean;
  readonly tls?: boolean;
};

const TROUBLES: Readonly<Record<string, Trouble>> = {
  ECONNREFUSED: {
    reason: 'connection refused',
    hint: 'is the registry running, and is the port right?',
    passes: true,
  },
  ECONNRESET: { reason: 'connection reset', passes: true },
  EPIPE: { reason: 'connection closed', passes: true },
  ETIMEDOUT: {
    reason: 'connection timed out',
    hint: 'check the network and the proxy settings',
    passes: true,
  },
  EHOSTUNREACH: { reason: 'no route to the host', hint: 'check the network', passes: true },
  ENETUNREACH: { reason: 'the network is unreachable', hint: 'check the network', passes: true },
  EAI_AGAIN: {
    reason: 'the name could not be looked up',
    hint: 'check the network and its DNS',
    passes: true,
  },
  ENOTFOUND: {
    reason: 'there is no host of this name',
    hint: 'check the name of the registry',
    passes: false,
  },
  EPROTO: {
    reason: 'no TLS is spoken there',
    hint: 'a registry of plain HTTP must be allowed: insecure = true for it in registries.conf',
    passes: false,
    tls: true,
  },
  ERR_PROXY_TUNNEL: {
    reason: 'the proxy did not connect',
    hint: 'check HTTPS_PROXY and NO_PROXY',
    passes: true,
  },
};

const UNTRUSTED_CODE = /^(?:CERT_|ERR_TLS_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/;
const UNTRUSTED =
  'put the CA certificate of the registry into certs.d/HOST:PORT/ca.crt (/etc/docker or ~/.config/containers)';

const NO_IDENTITY =
  'if the registry wants a client certificate: put client.cert and client.key into certs.d/HOST:PORT';

/** True for a certificate that other authorities might vouch for. */
export function isUntrusted(error: unknown): boolean {
  return UNTRUSTED_CODE.test(codeOf(error) ?? '');
}

/** True for an error that says the other side speaks plain HTTP, or anything else but TLS. */
export function isNoTls(error: unknown): boolean {
  const code = codeOf(error) ?? '';
  return (
    code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG'
  );
}

/**
 * What to throw when there was no answer, or none to its end: a Fault if it may pass, else a RegistryError.
 */
export function connectionError(
  error: unknown,
  request: { readonly method: string; readonly url: URL },
  stale: boolean,
): Fault | RegistryError {
  if (error instanceof Fault || error instanceof RegistryError) return error;
  const trouble = troubleOf(error);
  const failure = { ...request, reason: trouble.reason, cause: error, hint: trouble.hint };
  const code = trouble.tls ? 'REGISTRY_TLS' : 'REGISTRY_UNREACHABLE';
  const thrown = new RegistryError(code, failure);
  return trouble.passes ? new Fault(trouble.reason, { error: thrown, stale }) : thrown;
}

/** A request that took longer than it may. */
export function timedOut(request: { readonly method: string; readonly url: URL }, reason: string): Fault {
  const hint = 'the registry is overloaded, or the network drops packets';
  return new Fault(reason, {
    error: new RegistryError('REGISTRY_UNREACHABLE', { ...request, reason, hint }),
  });
}

function troubleOf(error: unknown): Trouble {
  const code = isNoTls(error) ? 'EPROTO' : (codeOf(error) ?? '');
  const known = Object.hasOwn(TROUBLES, code) ? TROUBLES[code] : undefined;
  if (known !== undefined) return known;
  if (UNTRUSTED_CODE.test(code)) {
    return {
      reason: `its TLS certificate is not trusted: ${messageOf(error)}`,
      hint: UNTRUSTED,
      passes: false,
      tls: true,
    };
  }
  if (code.startsWith('ERR_SSL')) {
    const hint = code.includes('CERTIFICATE') ? NO_IDENTITY : undefined;
    return { reason: `TLS failed: ${messageOf(error)}`, passes: false, tls: true, ...(hint && { hint }) };
  }
  if (code.startsWith('HPE_')) {
    return { reason: `no proper HTTP came back (${code})`, hint: 'is this a registry?', passes: true };
  }
  return { reason: messageOf(error), passes: true };
}

function codeOf(error: unknown): string | undefined {
  // What failed for every address of a host
  const inner = error instanceof AggregateError ? (error.errors as readonly unknown[]).at(0) : error;
  const { code } = Object(inner) as { readonly code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

import { readBody, readErrorBody } from './answer-body.ts';
import type { Credential } from './config.ts';
import { type Answer, exchange, type WireRequest } from './exchange.ts';
import { Fault } from './fault.ts';
import { parseReportedErrors, protocolError, RegistryError, refusal } from './registry-error.ts';
import { patienceFor, type Session } from './session.ts';
import { isPassing, statusFault } from './status.ts';

export type TokenRequest = {
  /** The registry that asks for the token. */
  readonly registry: URL;
  readonly realm: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credential: Credential | undefined;
  readonly signal: AbortSignal | undefined;
};

export type Token = {
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** Comes when it was asked for at login. */
  readonly refreshToken?: string;
};

const CLIENT_ID = 'lapidary';
const MAX_BYTES = 1024 * 1024;
const SHORTEST_S = 60;
/** A token that ends within this time is not used any more. */
const MARGIN_MS = 10_000;

/**
 * Gets a bearer token for scopes: with GET and the password, or with OAuth2's POST and an identity token.
 *
 * Source: distribution's token authentication specification and its OAuth2 one.
 * @throws RegistryError REGISTRY_UNAUTHORIZED when the credential is refused
 */
export async function fetchToken(session: Session, request: TokenRequest): Promise<Token> {
  const { url, unverified = false } = realmOf(session, request);
  const wire =
    request.credential?.kind === 'identity-token' ? postRequest(url, request) : getRequest(url, request);
  const answer = await send(session, { ...wire, unverified }, request.credential !== undefined);
  return parseToken(session, answer, request.signal);
}

/** As `docker login` does: asks for an identity token, which not all servers give. */
export async function fetchLoginToken(session: Session, request: TokenRequest): Promise<Token> {
  const { url, unverified = false } = realmOf(session, request);
  url.searchParams.set('offline_token', 'true');
  url.searchParams.set('client_id', CLIENT_ID);
  const answer = await send(session, { ...getRequest(url, request), unverified }, true);
  return parseToken(session, answer, request.signal);
}

/**
 * A secret must not go out in the clear because a registry says so. That a registry need not be trusted holds for the
 * token server that it names as well, but for this request alone: the host may be one of a registry that must.
 */
function realmOf(
  session: Session,
  { registry, realm }: TokenRequest,
): Pick<WireRequest, 'url' | 'unverified'> {
  const url = URL.parse(realm);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw protocolError({ method: 'GET', url: registry }, 'with a token server that is no URL');
  }
  const unverified = session.insecure || session.insecureHosts.has(registry.host);
  if (url.protocol === 'http:' && registry.protocol !== 'http:' && !unverified) {
    throw new RegistryError('REGISTRY_TLS', {
      method: 'GET',
      url,
      reason: 'the registry names a token server without TLS',
      hint: 'allow that for the registry with insecure = true in registries.conf, if you must',
    });
  }
  return { url, unverified };
}

function getRequest(url: URL, { service, scopes, credential, signal }: TokenRequest): WireRequest {
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const headers: Record<string, string> = {};
  if (credential?.kind === 'password') {
    url.searchParams.set('account', credential.username);
    headers['authorization'] = basic(credential);
  }
  return { method: 'GET', url, headers, lane: 'control', signal };
}

function postRequest(url: URL, { service, scopes, credential, signal }: TokenRequest): WireRequest {
  const form = new URLSearchParams({ grant_type: 'refresh_token', client_id: CLIENT_ID });
  if (service !== undefined) form.set('service', service);
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  if (credential?.kind === 'identity-token') form.set('refresh_token', credential.token);
  const bytes = Buffer.from(form.toString());
  const body = {
    size: bytes.length,
    async *open() {
      yield bytes;
    },
  };
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url, headers, body, lane: 'control', signal };
}

export function basic({
  username,
  password,
}: {
  readonly username: string;
  readonly password: string;
}): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

async function send(session: Session, wire: WireRequest, loggedIn: boolean): Promise<Answer> {
  let reached = false;
  const what = `${wire.method} ${wire.url.pathname}`;
  const patience = patienceFor(session, { host: wire.url.host, what, reached: () => reached });
  while (true) {
    try {
      const answer = await exchange(wire, session);
      reached = true;
      if (answer.status === 200) return answer;
      const limits = { idleMs: session.timeouts.idle, signal: wire.signal };
      const reported = parseReportedErrors(await readErrorBody(answer, limits));
      const failure = { method: wire.method, url: wire.url, status: answer.status, reported };
      // OAuth2 says 400 to a token that is no longer good
      const status = answer.status === 400 && wire.method === 'POST' ? 401 : answer.status;
      const error = refusal({ ...failure, status }, wire.url.host, loggedIn);
      throw isPassing(answer.status) ? statusFault(answer, error, session.clock.now()) : error;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      await patience.wait(error, wire.signal);
    }
  }
}

async function parseToken(session: Session, answer: Answer, signal: AbortSignal | undefined): Promise<Token> {
  const bytes = await readBody(answer, { maxBytes: MAX_BYTES, idleMs: session.timeouts.idle, signal });
  let value: Readonly<Record<string, unknown>>;
  try {
    value = Object(JSON.parse(new TextDecoder().decode(bytes))) as Readonly<Record<string, unknown>>;
  } catch {
    throw protocolError(answer, 'with a token that is no JSON');
  }
  const token = [value['token'], value['access_token']].find((one) => typeof one === 'string' && one !== '');
  // What cannot stand in a header could not have been meant as a token
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw protocolError(answer, 'without a token');
  const seconds = Number(value['expires_in']);
  const lifetime = Math.max(Number.isFinite(seconds) ? seconds : 0, SHORTEST_S) * 1000;
  const refreshToken = value['refresh_token'];
  return {
    token,
    expiresAt: session.clock.now() + lifetime - MARGIN_MS,
    ...(typeof refreshToken === 'string' && refreshToken !== '' && { refreshToken }),
  };
}

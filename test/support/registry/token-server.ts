import { createPrivateKey, randomUUID, sign, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { isUser } from './authorization.ts';
import type { KeyPair } from './certificates.ts';
import type { Authentication, Grant } from './types.ts';

export type TokenServerOptions = {
  readonly users: Readonly<Record<string, string>>;
  /** Signs the tokens; registries trust its certificate. Only the real registry looks. */
  readonly signer?: KeyPair;
  /** Repositories that may be pulled from without a user, and those that a user may do anything to. */
  readonly isPublic?: (name: string) => boolean;
  readonly isAllowed?: (user: string, name: string, action: string) => boolean;
  /** So many requests are good with one token, then it has expired. */
  readonly uses?: number;
  /** OAuth 2: POST is answered, and refresh tokens are given out. On when left out; older servers have neither. */
  readonly oauth?: boolean;
};

/** A request for a token. */
export type TokenRequest = {
  readonly method: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly scopes: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly status: number;
};

type Issued = { readonly grants: readonly Grant[]; usesLeft: number };
const ISSUER = 'test tokens';
const SERVICE = 'test registry';
const ANONYMOUS = '';

/** distribution's "Token Authentication Specification" and "OAuth2 Token Authentication", on a port of 127.0.0.1. */
export class TokenServer implements AsyncDisposable {
  readonly url: string;
  readonly log: TokenRequest[] = [];
  readonly #server: Server;
  readonly #options: TokenServerOptions;
  readonly #issued: Map<string, Issued> = new Map();
  /** Refresh tokens with the users that they stand for. */
  readonly #refresh: Map<string, string> = new Map();

  private constructor(server: Server, options: TokenServerOptions) {
    this.#server = server;
    this.#options = options;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    server.on('request', (request, response) => {
      void this.#serve(request, response);
    });
  }

  static async start(options: TokenServerOptions): Promise<TokenServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TokenServer(server, options);
  }

  /** What a `TestRegistry` that trusts this server is given. */
  get authentication(): Authentication {
    return {
      scheme: 'bearer',
      realm: this.url,
      service: SERVICE,
      verify: (token) => {
        const issued = this.#issued.get(token);
        if (issued === undefined || issued.usesLeft === 0) return undefined;
        issued.usesLeft--;
        return issued.grants;
      },
    };
  }

  /** `auth:` of the real registry's configuration. */
  realConfiguration(rootCertificates: string): object {
    const { url: realm } = this;
    return { token: { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: rootCertificates } };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await this.#answer(request);
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  async #answer(
    request: IncomingMessage,
  ): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
    const { method = '', headers } = request;
    const query =
      method === 'POST'
        ? new URLSearchParams(await text(request))
        : new URL(request.url ?? '', this.url).searchParams;
    const scopes = query.getAll('scope').flatMap((scope) => scope.split(' ').filter((part) => part !== ''));
    const user = method === 'POST' ? this.#userOfForm(query, headers) : this.#userOf(headers.authorization);
    const status = this.#statusOf(method, query, user);
    this.log.push({ method, parameters: Object.fromEntries(query), scopes, headers, status });
    if (status !== 200 || user === undefined)
      return { status, body: { error: 'invalid_grant', details: 'no' } };
    const asksRefresh = query.get('access_type') === 'offline' || query.get('offline_token') === 'true';
    const wantsRefresh = asksRefresh && this.#options.oauth !== false;
    const token = this.#issue(user, scopes);
    const refresh = wantsRefresh && user !== ANONYMOUS ? { refresh_token: this.#refreshOf(user) } : {};
    const name = method === 'POST' ? { scope: scopes.join(' ') } : { token };
    return { status, body: { access_token: token, expires_in: 300, ...name, ...refresh } };
  }

  #statusOf(method: string, query: URLSearchParams, user: string | undefined): number {
    if (method === 'POST' && this.#options.oauth === false) return 404;
    if (query.get('service') !== SERVICE) return 400;
    if (method === 'POST' && query.get('client_id') === null) return 400;
    return user === undefined ? 401 : 200;
  }

  #userOf(authorization: string | undefined): string | undefined {
    if (authorization === undefined) return ANONYMOUS;
    const [scheme, credentials = ''] = authorization.split(' ');
    if (scheme !== 'Basic' || !isUser(credentials, this.#options.users)) return undefined;
    return Buffer.from(credentials, 'base64').toString().split(':')[0];
  }

  #userOfForm(form: URLSearchParams, headers: IncomingHttpHeaders): string | undefined {
    if (headers['content-type']?.startsWith('application/x-www-form-urlencoded') !== true) return undefined;
    if (form.get('grant_type') === 'refresh_token') return this.#refresh.get(form.get('refresh_token') ?? '');
    const [user, password] = [form.get('username') ?? '', form.get('password')];
    return Object.hasOwn(this.#options.users, user) && this.#options.users[user] === password
      ? user
      : undefined;
  }

  #refreshOf(user: string): string {
    const token = `refresh-${randomUUID()}`;
    this.#refresh.set(token, user);
    return token;
  }

  #issue(user: string, scopes: readonly string[]): string {
    const grants = scopes.flatMap((scope): Grant[] => {
      const [, name = '', list = ''] = /^repository:(.+):([a-z,*]+)$/.exec(scope) ?? [];
      const actions = list.split(',').filter((action) => this.#may(user, name, action));
      return actions.length === 0 ? [] : [{ name, actions }];
    });
    const token = this.#signed(user, grants);
    this.#issued.set(token, { grants, usesLeft: this.#options.uses ?? Number.POSITIVE_INFINITY });
    return token;
  }

  #may(user: string, name: string, action: string): boolean {
    const { isPublic = () => false, isAllowed = () => true } = this.#options;
    if (action === 'pull' && isPublic(name)) return true;
    return user !== ANONYMOUS && isAllowed(user, name, action);
  }

  /** A JSON Web Token by ES256; without a signer, one with an empty signature. */
  #signed(user: string, grants: readonly Grant[]): string {
    const { signer } = this.#options;
    const certificate = signer && new X509Certificate(signer.cert).raw.toString('base64');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: ISSUER,
      sub: user,
      aud: SERVICE,
      jti: randomUUID(),
      nbf: now - 5,
      iat: now,
      exp: now + 300,
      access: grants.map((grant) => ({ type: 'repository', ...grant })),
    };
    const header = { typ: 'JWT', alg: 'ES256', ...(certificate !== undefined && { x5c: [certificate] }) };
    const payload = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    if (signer === undefined) return `${payload}.`;
    const key = createPrivateKey(signer.key);
    const signature = sign('sha256', Buffer.from(payload), { key, dsaEncoding: 'ieee-p1363' });
    return `${payload}.${signature.toString('base64url')}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.resolve();
  }
}

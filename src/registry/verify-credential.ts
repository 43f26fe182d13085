import { readErrorBody } from './answer-body.ts';
import type { Credential } from './config.ts';
import { endpointsFor } from './endpoints.ts';
import { Host } from './host.ts';
import type { LoginRequest } from './login.ts';
import { hostOf } from './names.ts';
import { openSession } from './open-session.ts';
import { fetchLoginToken } from './token.ts';

/** Asks the registry for `/v2/` with a credential. @returns what to keep: it, or an identity token given for it */
export async function verifyCredential(
  request: LoginRequest,
  server: string,
  credential: Credential,
): Promise<Credential> {
  const files = [{ path: '', auths: new Map([[server, credential]]), credHelpers: new Map() }];
  const config = { ...request.config, credentialFiles: files };
  await using opened = openSession({ ...request, config });
  const { session } = opened;
  const [registry = ''] = server.split('/', 1);
  const { origin } = endpointsFor({ registry, repository: 'login' }, config.rules);
  const name = hostOf(origin.registry);
  if (origin.insecure) session.insecureHosts.add(new URL(`https://${name}`).host);
  const host = new Host(session, name);
  const grant = { name: server, scopes: [] };
  const { signal } = request;
  const answer = await host.send({ method: 'GET', path: '/v2/', grant, signal }, [200]);
  await readErrorBody(answer, { idleMs: session.timeouts.idle, signal });
  return (await identityToken(host, { credential, signal })) ?? credential;
}

/** Not every token server gives one. */
async function identityToken(
  host: Host,
  { credential, signal }: { readonly credential: Credential; readonly signal: AbortSignal | undefined },
): Promise<Credential | undefined> {
  const { bearer } = host.authorisation;
  if (bearer === undefined) return undefined;
  const grant = { name: '', scopes: [] };
  const request = { registry: await host.base(grant, signal), ...bearer, scopes: [], credential, signal };
  const { refreshToken } = await fetchLoginToken(host.session, request);
  return refreshToken === undefined ? undefined : { kind: 'identity-token', token: refreshToken };
}

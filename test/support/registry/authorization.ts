import { errorReply, Violation } from './reply.ts';
import { neededGrants } from './route.ts';
import type { Authentication, Exchange, Grant, Reply } from './types.ts';

/** The answer to a request that may not do what it asks for; `undefined` when it may. */
export function refuse(exchange: Exchange, auth: Authentication | undefined): Reply | undefined {
  const [scheme = '', credentials = ''] = (exchange.headers.authorization ?? '').split(' ');
  if (auth === undefined) {
    if (scheme === '') return undefined;
    throw new Violation(400, 'DENIED', 'credentials that nobody has asked for');
  }
  if (scheme !== '' && scheme.toLowerCase() !== auth.scheme) {
    throw new Violation(400, 'DENIED', `${scheme} credentials where ${auth.scheme} was asked for`);
  }
  if (auth.scheme === 'basic') {
    return isUser(credentials, auth.users) ? undefined : challenge('Basic realm="test"');
  }
  const grants = credentials === '' ? undefined : auth.verify(credentials);
  const needed = neededGrants(exchange);
  if (grants !== undefined && needed.every(([name, action]) => isGranted(grants, name, action)))
    return undefined;
  const problem =
    credentials === '' ? '' : `,error="${grants === undefined ? 'invalid_token' : 'insufficient_scope'}"`;
  const { realm, service } = auth;
  return challenge(`Bearer realm="${realm}",service="${service}"${scopeOf(needed)}${problem}`);
}

export function isUser(basic: string, users: Readonly<Record<string, string>>): boolean {
  const [user = '', ...rest] = Buffer.from(basic, 'base64').toString().split(':');
  return Object.hasOwn(users, user) && users[user] === rest.join(':');
}

function isGranted(grants: readonly Grant[], name: string, action: string): boolean {
  return grants.some((grant) => grant.name === name && grant.actions.includes(action));
}

function scopeOf(needed: readonly [name: string, action: string][]): string {
  if (needed.length === 0) return '';
  const names = [...new Set(needed.map(([name]) => name))];
  const scopes = names.map((name) => {
    const actions = needed.filter((one) => one[0] === name).map(([, action]) => action);
    return `repository:${name}:${actions.join(',')}`;
  });
  return `,scope="${scopes.join(' ')}"`;
}

function challenge(header: string): Reply {
  const reply = errorReply(401, 'UNAUTHORIZED', 'authentication required');
  return { ...reply, headers: { ...reply.headers, 'WWW-Authenticate': header } };
}

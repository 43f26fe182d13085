import type { Exchange, Route } from './types.ts';

const NAME = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*';
const DIGEST = 'sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})';
const TAG = '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}';
export const IS_DIGEST: RegExp = new RegExp(`^${DIGEST}$`);
export const IS_NAME: RegExp = new RegExp(`^${NAME}$`);

/** Endpoints with the methods that they answer to. */
const ROUTES = [
  ['base', '^/v2/$', ['GET', 'HEAD']],
  ['catalog', '^/v2/_catalog$', ['GET']],
  ['blob', `^/v2/(?<name>${NAME})/blobs/(?<reference>${DIGEST})$`, ['GET', 'HEAD', 'DELETE']],
  ['upload-start', `^/v2/(?<name>${NAME})/blobs/uploads/$`, ['POST']],
  [
    'upload',
    `^/v2/(?<name>${NAME})/blobs/uploads/(?<reference>[0-9a-f-]{36})$`,
    ['GET', 'PATCH', 'PUT', 'DELETE'],
  ],
  [
    'manifest',
    `^/v2/(?<name>${NAME})/manifests/(?<reference>${DIGEST}|${TAG})$`,
    ['GET', 'HEAD', 'PUT', 'DELETE'],
  ],
  ['tags', `^/v2/(?<name>${NAME})/tags/list$`, ['GET']],
  ['referrers', `^/v2/(?<name>${NAME})/referrers/(?<reference>${DIGEST})$`, ['GET']],
] as const;

export function routeOf(method: string, path: string): Route {
  for (const [endpoint, pattern, methods] of ROUTES) {
    const groups = new RegExp(pattern).exec(path);
    if (groups === null || !(methods as readonly string[]).includes(method)) continue;
    return {
      endpoint,
      name: groups.groups?.['name'] ?? '',
      reference: groups.groups?.['reference'] ?? '',
    };
  }
  return { endpoint: 'unknown', name: '', reference: '' };
}

/** What a token must allow: distribution's "Token Scope Documentation". */
export function neededGrants({ method, url, route }: Exchange): readonly [name: string, action: string][] {
  const { name } = route;
  if (name === '') return [];
  const reads = method === 'GET' || method === 'HEAD';
  if (reads && route.endpoint !== 'upload') return [[name, 'pull']];
  if (method === 'DELETE' && route.endpoint !== 'upload') return [[name, 'delete']];
  const from = url.searchParams.get('from');
  const push: [string, string][] = [
    [name, 'pull'],
    [name, 'push'],
  ];
  return from === null ? push : [...push, [from, 'pull']];
}

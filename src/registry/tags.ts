import { readBody } from './answer-body.ts';
import type { Grant } from './authorisation.ts';
import { type Place, type Places, pathIn, pullGrant } from './places.ts';
import { protocolError } from './registry-error.ts';
import type { CallOptions } from './types.ts';

const PAGE_TAGS = 1000;
const MAX_TAGS = 100_000;
const MAX_PAGES = 1000;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** All tags of a repository, page by page. What is no tag is left out. */
export async function listTags(places: Places, { signal }: CallOptions): Promise<readonly string[]> {
  const what = `GET ${pathIn(places.origin, 'tags/list')}`;
  return places.read({ what, by: 'tag', signal }, async (place) => {
    const tags: string[] = [];
    const first = pathIn(place, `tags/list?n=${PAGE_TAGS}`);
    for await (const page of pagesOf(place, { first, grant: pullGrant(place), signal })) {
      const { tags: names } = Object(page) as { readonly tags?: unknown };
      if (!Array.isArray(names)) continue;
      for (const name of names as readonly unknown[])
        if (typeof name === 'string' && TAG.test(name)) tags.push(name);
    }
    return tags;
  });
}

/** JSON documents that point at each other with `Link`. @throws RegistryError REGISTRY_FAILED when they have no end */
export async function* pagesOf(
  place: Place,
  { first, grant, signal }: CallOptions & { readonly first: string; readonly grant: Grant },
): AsyncGenerator {
  let path: string | undefined = first;
  let bytesLeft = MAX_TAGS * 130;
  for (let page = 0; path !== undefined; page++) {
    const answer = await place.host.attempt({ method: 'GET', path, grant, signal }, [200]);
    if (page === MAX_PAGES) throw protocolError(answer, `with more than ${MAX_PAGES} pages`);
    const { idle: idleMs } = place.host.session.timeouts;
    const bytes = await readBody(answer, { maxBytes: Math.min(MAX_PAGE_BYTES, bytesLeft), idleMs, signal });
    bytesLeft -= bytes.length;
    try {
      yield JSON.parse(new TextDecoder().decode(bytes)) as unknown;
    } catch {
      throw protocolError(answer, 'with a list that is no JSON');
    }
    path = nextPath(answer.headers.link, answer.url);
  }
}

/** Of `Link: </v2/app/tags/list?n=2&last=b>; rel="next"`, on the same host. RFC 8288. */
export function nextPath(header: string | string[] | undefined, base: URL): string | undefined {
  const text = Array.isArray(header) ? header.join(', ') : (header ?? '');
  for (const [, target = '', parameters = ''] of text.matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (!/;\s*rel\s*=\s*"?(?:[^"]*\s)?next(?:\s[^"]*)?"?/i.test(parameters)) continue;
    const url = URL.parse(target, base.href);
    if (url !== null && url.host === base.host) return url.pathname + url.search;
  }
  return undefined;
}

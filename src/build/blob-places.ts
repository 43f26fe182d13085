import type { Digest } from '../oci/index.ts';
import type { FactStore } from '../solve/index.ts';

/** A repository of a registry, as in references. */
export type Place = { readonly registry: string; readonly repository: string };

const MAX_PLACES = 8;

const keyOf = (digest: Digest): string => `seen-in:${digest}`;

/** Where a blob was seen, the latest first: from there it can be fetched, or mounted into a repository beside. */
export async function readPlaces(facts: FactStore, digest: Digest): Promise<Place[]> {
  const text = (await facts.get(keyOf(digest))) ?? '';
  return text.split(' ').flatMap((name) => {
    const slash = name.indexOf('/');
    return slash > 0 ? [{ registry: name.slice(0, slash), repository: name.slice(slash + 1) }] : [];
  });
}

export async function notePlace(facts: FactStore, digest: Digest, place: Place): Promise<void> {
  const known = await readPlaces(facts, digest);
  const others = known.filter((one) => !isSamePlace(one, place));
  const names = [place, ...others].slice(0, MAX_PLACES).map(placeName);
  await facts.put(keyOf(digest), names.join(' '));
}

export const placeName = ({ registry, repository }: Place): string => `${registry}/${repository}`;

function isSamePlace(a: Place, b: Place): boolean {
  return a.registry === b.registry && a.repository === b.repository;
}

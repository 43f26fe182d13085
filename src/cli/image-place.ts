import type { ImagePlace } from '../build/index.ts';

/** What does not name an image of the local store. */
const PLACE = /^(?:docker:\/\/|oci:|oci-archive:|docker-archive:|store:)/;

export const isPlace = (text: string): boolean => PLACE.test(text);

/** A name of the local store, or a place as `cp` has it. @throws LapidaryError REFERENCE_INVALID, USAGE */
export async function readPlace(text: string, cwd: string): Promise<ImagePlace> {
  if (!isPlace(text)) return { at: 'store', name: text };
  const { parseImagePlace } = await import('../build/index.ts');
  return parseImagePlace(text, cwd);
}

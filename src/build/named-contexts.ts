import { resolve } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';

/** What the value of `--build-context name=value` names. */
export type NamedContext =
  | { readonly type: 'directory'; readonly path: string }
  /** `oci-layout://DIR[:TAG|@DIGEST]`, as given. */
  | { readonly type: 'oci-layout'; readonly location: string }
  /** Another image reference. */
  | { readonly type: 'image'; readonly reference: string };

const IMAGE_SCHEME = 'docker-image://';

/** @throws LapidaryError UNSUPPORTED for a kind of context that this version does not read */
export function parseNamedContext(name: string, value: string): NamedContext {
  if (value.startsWith('oci-layout://')) return { type: 'oci-layout', location: value };
  if (value.startsWith(IMAGE_SCHEME)) return { type: 'image', reference: value.slice(IMAGE_SCHEME.length) };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value) || value.startsWith('git@')) {
    throw new LapidaryError('UNSUPPORTED', `the build context ${quoted(name)} cannot be ${quoted(value)}`, {
      hint: 'expected a directory, oci-layout://DIR[:TAG] or docker-image://REFERENCE',
    });
  }
  return { type: 'directory', path: resolve(value) };
}

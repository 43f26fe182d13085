import { resolve } from 'node:path';
import { LapidaryError, quoted } from '../errors/index.ts';
import { parseGitRef } from '../plan/index.ts';

/** What the value of `--build-context name=value` names. */
export type NamedContext =
  | { readonly type: 'directory'; readonly path: string }
  /** `oci-layout://DIR[:TAG|@DIGEST]`, as given. */
  | { readonly type: 'oci-layout'; readonly location: string }
  /** Another image reference. */
  | { readonly type: 'image'; readonly reference: string }
  /** A git URL, or the http(s) URL of a tar archive or a single file. */
  | { readonly type: 'remote'; readonly location: string };

const IMAGE_SCHEME = 'docker-image://';

/** @throws LapidaryError UNSUPPORTED for a kind of context that this version does not read; GIT_REF_INVALID */
export function parseNamedContext(name: string, value: string): NamedContext {
  if (value.startsWith('oci-layout://')) return { type: 'oci-layout', location: value };
  if (value.startsWith(IMAGE_SCHEME)) return { type: 'image', reference: value.slice(IMAGE_SCHEME.length) };
  if (/^https?:\/\//i.test(value) || parseGitRef(value) !== undefined)
    return { type: 'remote', location: value };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(value)) {
    throw new LapidaryError('UNSUPPORTED', `the build context ${quoted(name)} cannot be ${quoted(value)}`, {
      hint: 'expected a directory, a git or http(s) URL, oci-layout://DIR[:TAG] or docker-image://REFERENCE',
    });
  }
  return { type: 'directory', path: resolve(value) };
}

/** Whether a context is a tree of files; else it is an image. */
export const isFiles = ({ type }: NamedContext): boolean => type === 'directory' || type === 'remote';

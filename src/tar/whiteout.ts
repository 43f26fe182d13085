import { LapidaryError, quoted } from '../errors/index.ts';

const PREFIX = '.wh.';
const META_PREFIX = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';

/**
 * What a member's name says about lower layers. `whiteout`: what they have at `path` is gone. `opaque`: `path` is a
 * directory (`''` for the root) whose lower children are gone. `ignored`: bookkeeping of AUFS, not part of the image.
 */
export type Whiteout = { readonly kind: 'whiteout' | 'opaque' | 'ignored'; readonly path: string };

/**
 * Reads the name of a member; `path` as `cleanMemberPath` gives it. `undefined` for an ordinary one.
 *
 * Source: OCI image-spec v1.1.1, layer.md, "Whiteouts".
 *
 * @throws LapidaryError TAR_INVALID when a whiteout names nothing, `.` or `..`
 */
export function whiteoutOf(path: string): Whiteout | undefined {
  if (!path.includes(PREFIX)) return undefined;
  const slash = path.lastIndexOf('/');
  const name = path.slice(slash + 1);
  const parent = slash < 0 ? '' : path.slice(0, slash);
  if (path.startsWith(META_PREFIX) || path.includes(`/${META_PREFIX}`)) {
    const opaque = name === OPAQUE && !`/${parent}`.includes(`/${META_PREFIX}`);
    return opaque ? { kind: 'opaque', path: parent } : { kind: 'ignored', path };
  }
  if (!name.startsWith(PREFIX)) return undefined;
  const gone = name.slice(PREFIX.length);
  if (gone === '' || gone === '.' || gone === '..') {
    throw new LapidaryError('TAR_INVALID', `tar member ${quoted(path)} is a whiteout of no file`);
  }
  return { kind: 'whiteout', path: parent === '' ? gone : `${parent}/${gone}` };
}

/** Name of the member that removes `path`, which is not the root. */
export function whiteoutPath(path: string): string {
  const slash = path.lastIndexOf('/') + 1;
  return `${path.slice(0, slash)}${PREFIX}${path.slice(slash)}`;
}

/** Name of the member that removes all lower children of the directory `path`. */
export function opaquePath(path: string): string {
  return path === '' ? OPAQUE : `${path}/${OPAQUE}`;
}

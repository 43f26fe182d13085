import { readFileSync } from 'node:fs';
import { LapidaryError } from '../errors/index.ts';
import { resolveOwner } from '../tree/index.ts';
import { hostPath } from './host-path.ts';
import type { LowerView } from './lower-view.ts';

export type NumericUser = { readonly uid: number; readonly gid: number; readonly groups: readonly number[] };

/** Larger than any list of accounts that means well. */
const MAX_BYTES = 1024 * 1024;

/**
 * Root as the image lists it: with the groups that it is a member of. What cannot be read counts as not there.
 * Source: BuildKit, executor/oci/user.go.
 */
export function listedRoot(view: LowerView): NumericUser {
  const [passwd, group] = [textOf(view, 'etc/passwd'), textOf(view, 'etc/group')];
  try {
    const { uid, gid, groups } = resolveOwner('0', {
      ...(passwd === undefined ? {} : { passwd }),
      ...(group === undefined ? {} : { group }),
    });
    return { uid, gid, groups };
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    return { uid: 0, gid: 0, groups: [] };
  }
}

function textOf(view: LowerView, path: string): string | undefined {
  const at = view.find(path);
  if (at?.found.kind !== 'file' || at.found.size > MAX_BYTES) return undefined;
  return readFileSync(hostPath(at.host), 'utf8');
}

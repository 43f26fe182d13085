import { readFileSync, writeFileSync } from 'node:fs';
import { LapidaryError, quoted } from '../errors/index.ts';
import type { StorePaths } from '../solve/index.ts';
import type { IdRange } from './id-maps.ts';
import { errnoOf } from './syscalls.ts';

/** Whose extended attributes mark what overlayfs has to know: only root of the machine can use those of `trusted`. */
export type TreeAttributes = 'trusted' | 'user';

/** In what form the unpacked layers of a store are: they are shared by all sandboxes that use it. */
type TreeForm = {
  readonly attributes: TreeAttributes;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
};

const EVERYBODY: readonly IdRange[] = [{ inside: 0, outside: 0, count: 4_294_967_295 }];
const ROOT: TreeForm = { attributes: 'trusted', uids: EVERYBODY, gids: EVERYBODY };

/**
 * Takes the store's unpacked layers into use and answers with the attributes they have, or are to have. The first
 * sandbox decides that.
 * @throws LapidaryError STORE_FAILED when the layers belong to other IDs than the wanted ones
 */
export function claimTrees(
  paths: StorePaths,
  namespace: Pick<TreeForm, 'uids' | 'gids'> | undefined,
): TreeAttributes {
  const wanted: TreeForm = namespace === undefined ? ROOT : { attributes: 'user', ...pick(namespace) };
  const found = readForm(paths.form);
  if (found === undefined) {
    writeForm(paths.form, wanted, 'wx');
    return claimed(readForm(paths.form) ?? wanted, wanted, paths);
  }
  return claimed(found, wanted, paths);
}

const pick = ({ uids, gids }: Pick<TreeForm, 'uids' | 'gids'>): Pick<TreeForm, 'uids' | 'gids'> => ({
  uids,
  gids,
});

function claimed(found: TreeForm, wanted: TreeForm, paths: StorePaths): TreeAttributes {
  const readable = found.attributes === 'user' || wanted.attributes === 'trusted';
  if (readable && startsWith(wanted.uids, found.uids) && startsWith(wanted.gids, found.gids)) {
    const grown = wanted.uids.length + wanted.gids.length > found.uids.length + found.gids.length;
    if (grown) writeForm(paths.form, { ...wanted, attributes: found.attributes }, 'w');
    return found.attributes;
  }
  const hint =
    found.attributes === 'trusted'
      ? 'use another store for --isolation=user-namespace: --store'
      : 'restore /etc/subuid and /etc/subgid as they were, or use another store: --store';
  const text = `the layers in the store ${quoted(paths.trees)} were unpacked with other user IDs than this build has`;
  throw new LapidaryError('STORE_FAILED', text, { hint });
}

/** Ranges may be added at the end: what has owners from the first ones keeps them. */
function startsWith(all: readonly IdRange[], first: readonly IdRange[]): boolean {
  return JSON.stringify(all.slice(0, first.length)) === JSON.stringify(first);
}

function readForm(path: string): TreeForm | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as TreeForm;
  } catch {
    // Cut off by a power cut: nothing that was unpacked with it has settled either
    return undefined;
  }
}

function writeForm(path: string, form: TreeForm, flag: 'w' | 'wx'): void {
  try {
    writeFileSync(path, `${JSON.stringify(form)}\n`, { flag, mode: 0o600 });
  } catch (error) {
    // Another sandbox was faster, and what it wrote counts
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

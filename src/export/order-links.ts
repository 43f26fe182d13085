import { LapidaryError, quoted } from '../errors/index.ts';
import { type Entry, eachStep, type Inode, mapSteps, type Steps } from '../tree/index.ts';

export type OrderedLinks = {
  /** The same entries, the first of several names of a file being its node and the others links to that. */
  readonly ordered: readonly Entry[];
  /** What each hard link is a name of, by its path. */
  readonly inodeOf: ReadonlyMap<string, Inode>;
};

/**
 * Puts contents before links: a tar may have `b` and then `a` as a link to it, but in canonical order `a` comes
 * first.
 * @throws LapidaryError UNSUPPORTED for a link to a file of a layer below: its metadata is not known here
 */
export function* orderLinks(entries: readonly Entry[]): Steps<OrderedLinks> {
  if (!entries.some(({ kind }) => kind === 'hardlink')) return { ordered: entries, inodeOf: new Map() };
  const at = new Map<string, Name>();
  yield* eachStep(entries, (entry) => {
    if (isName(entry)) at.set(entry.path, entry);
  });
  const inodeOf = new Map<string, Inode>();
  const linked = new Set<Inode>();
  yield* eachStep(entries, (entry) => {
    if (entry.kind !== 'hardlink') return;
    const inode = resolveLink(entry, at);
    inodeOf.set(entry.path, inode);
    linked.add(inode);
  });
  const first = new Map<Inode, string>();
  const ordered = yield* mapSteps(entries, (entry): Entry => {
    const inode = entry.kind === 'node' ? entry.node : inodeOf.get(entry.path);
    if (!isName(entry) || inode === undefined || !linked.has(inode)) return entry;
    const target = first.get(inode);
    if (target !== undefined) return { kind: 'hardlink', path: entry.path, target };
    first.set(inode, entry.path);
    return { kind: 'node', path: entry.path, node: inode };
  });
  yield* eachStep(entries, (entry) => {
    if (entry.kind === 'node') inodeOf.set(entry.path, entry.node);
  });
  return { ordered, inodeOf };
}

type Name = Extract<Entry, { readonly kind: 'node' | 'hardlink' }>;
const isName = (entry: Entry): entry is Name => entry.kind === 'node' || entry.kind === 'hardlink';

function resolveLink(
  link: Extract<Entry, { readonly kind: 'hardlink' }>,
  at: ReadonlyMap<string, Name>,
): Inode {
  const passed = new Set<string>();
  for (let name: Name | undefined = link; name !== undefined; name = at.get(name.target)) {
    if (name.kind === 'node') return name.node;
    if (passed.has(name.path)) break;
    passed.add(name.path);
  }
  throw linkBelow(link.path, link.target);
}

export function linkBelow(path: string, target: string): LapidaryError {
  return new LapidaryError(
    'UNSUPPORTED',
    `${quoted(path)} is a hard link to ${quoted(target)}, which is not in the same layer`,
  );
}

import { LapidaryError, quoted } from '../errors/index.ts';
import { Change, finalTarget, NEW_DIRECTORY } from './change.ts';
import { LayerDraft } from './draft.ts';
import type { Entry, Inode } from './entry.ts';
import { cleanPath, joinPath } from './path.ts';
import { changer, newDirectory, type PlaceOptions } from './place.ts';
import { resolveFrom } from './resolve.ts';
import { eachStep, type Steps } from './steps.ts';
import type { Tree } from './tree.ts';

/**
 * The layer that unpacking an archive into a directory makes over `base`. Members keep their own mode and time, and
 * their owner unless `chown` says otherwise: `chmod` is not for them, as in BuildKit. They replace what is in their way; only a directory over a directory
 * keeps what is in it. A member below a link, of the base or of the archive itself, goes where that leads with the
 * destination as the root, so that nothing gets out of it; so does a directory where a link to a directory stands.
 * Whiteouts and the archive's own root are passed over.
 *
 * @throws LapidaryError COPY_CONFLICT, NOT_A_DIRECTORY, PATH_LOOP, TAR_INVALID for a hard link to nothing
 */
export function* extractInto(base: Tree, members: readonly Entry[], options: PlaceOptions): Steps<Entry[]> {
  const { path: directory, node } = base.resolve(cleanPath(options.destination));
  if (node !== undefined && node.inode.type !== 'dir') throw occupied(options.destination);
  const { chmod: _notForArchives, ...making } = options;
  const layer = new LayerDraft(base, newDirectory(making));
  layer.directory(directory);
  // What earlier members put decides where later ones go
  const view = new Change(node ?? { inode: NEW_DIRECTORY, children: new Map() });
  const archive = yield* indexOf(members, options);
  yield* eachStep(members, ({ kind, path: member }) => {
    if (member === '' || kind === 'whiteout' || kind === 'opaque') return;
    const target = finalTarget(member, archive.targets);
    const inode = archive.nodes.get(target) ?? resolveFrom(view.root, target, false).node?.inode;
    if (inode === undefined || (kind === 'hardlink' && inode.type === 'dir')) throw badLink(member, target);
    const path = placeOf(view, member, inode);
    layer.replace(joinPath(directory, path), inode);
    view.put(path, inode);
  });
  return yield* layer.entries();
}

type Archive = {
  readonly nodes: ReadonlyMap<string, Inode>;
  /** What each hard link is a name of. */
  readonly targets: ReadonlyMap<string, string>;
};

function* indexOf(members: readonly Entry[], { chown }: PlaceOptions): Steps<Archive> {
  const change = changer({ chown });
  const nodes = new Map<string, Inode>();
  const targets = new Map<string, string>();
  yield* eachStep(members, (member) => {
    if (member.kind === 'node') nodes.set(member.path, change(member.node));
    else if (member.kind === 'hardlink') targets.set(member.path, member.target);
  });
  return { nodes, targets };
}

/** Where a member goes: through links above it, and for a directory through a link that does not lead to a file. */
function placeOf(view: Change, path: string, inode: Inode): string {
  const itself = resolveFrom(view.root, path, false);
  if (inode.type !== 'dir' || itself.node?.inode.type !== 'symlink') return itself.path;
  const { path: behind, node } = resolveFrom(view.root, path, true);
  return node === undefined || node.inode.type === 'dir' ? behind : itself.path;
}

function occupied(destination: string): LapidaryError {
  return new LapidaryError(
    'COPY_CONFLICT',
    `the destination ${quoted(destination)} is a file in the image, not a directory`,
    { hint: 'an archive is unpacked into a directory: choose another destination' },
  );
}

function badLink(path: string, target: string): LapidaryError {
  return new LapidaryError(
    'TAR_INVALID',
    `the hard link ${quoted(path)} names ${quoted(target)}, which the archive does not hold`,
  );
}

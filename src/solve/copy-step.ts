import { type CopyOp } from '../plan/index.ts';
import {
  type Accounts,
  captureEntries,
  type Entry,
  extractInto,
  type Owner,
  type PlaceOptions,
  parseChmod,
  placeSelection,
  resolveChown,
  type SelectedItem,
  type Steps,
  type Tree,
} from '../tree/index.ts';
import type { ContentPorts, CopyItem } from './copy-content.ts';
import { readTextFile } from './image-files.ts';
import type { ArchiveReader, LayerStore, StackLayer } from './ports/index.ts';
import { inTurns } from './turns.ts';

export type CopyPorts = ContentPorts & { readonly layers: LayerStore; readonly archives: ArchiveReader };

export type OwnerPorts = Pick<CopyPorts, 'trees' | 'layers' | 'warn'>;

/**
 * What `--chown` of a step means on its base, which is only looked at where it has names; `undefined` when it is empty.
 * Names that the base does not know are warned of.
 */
export async function ownerOf(
  { text, step }: { readonly text: string; readonly step: Pick<CopyOp, 'origin'> },
  base: readonly StackLayer[],
  ports: OwnerPorts,
): Promise<Owner | undefined> {
  if (text === '') return undefined;
  const accounts = /^\d+(?::\d+)?$/.test(text) ? {} : await accountsOf(base, ports);
  const { uid, gid, unknown } = resolveChown(text, accounts);
  for (const { message, hint } of unknown) ports.warn(`${message}: it is passed over`, step, hint);
  return { uid, gid };
}

async function accountsOf(base: readonly StackLayer[], { trees, layers }: OwnerPorts): Promise<Accounts> {
  const tree = await trees.of(base);
  const [passwd, group] = await Promise.all([
    readTextFile(tree, 'etc/passwd', layers),
    readTextFile(tree, 'etc/group', layers),
  ]);
  return { ...(passwd === undefined ? {} : { passwd }), ...(group === undefined ? {} : { group }) };
}

/** A linked copy without anything that its base would have to be asked for. */
export async function standAlone(
  op: CopyOp,
  base: readonly StackLayer[],
  ports: OwnerPorts,
): Promise<CopyOp> {
  const owner = op.link ? await ownerOf({ text: op.chown ?? '', step: op }, base, ports) : undefined;
  return owner === undefined ? op : { ...op, chown: `${owner.uid}:${owner.gid}` };
}

type CopyWork = {
  readonly base: Tree;
  readonly items: readonly CopyItem[];
  readonly owner: Owner | undefined;
  /** Of directories made on the way, in seconds since 1970. */
  readonly newTime: number;
};

/** Does the copy: the layer's entries over `base`, not yet stored. */
export async function copyEntries(
  op: CopyOp,
  { base, items, owner, newTime }: CopyWork,
  ports: CopyPorts,
): Promise<readonly Entry[]> {
  const options: PlaceOptions = {
    destination: op.destination,
    newDirTime: newTime,
    ...(owner === undefined ? {} : { chown: owner }),
    ...(op.chmod === undefined ? {} : { chmod: parseChmod(op.chmod) }),
  };
  if (items.some(({ unpack }) => unpack)) return addEntries({ base, items, options }, ports);
  warnOverwritten(op, { base, items, options }, ports);
  const selection = { items: items.map(({ item }) => item), missing: [], unmatched: [] };
  return inTurns(placeSelection(base, selection, options));
}

type Placing = {
  readonly base: Tree;
  readonly items: readonly CopyItem[];
  readonly options: PlaceOptions;
};

/** Several matches of a pattern become the same file when the destination is no directory: only the last is left. */
function warnOverwritten(op: CopyOp, { base, items, options }: Placing, ports: CopyPorts): void {
  const { destination } = options;
  if (items.length < 2 || destination.endsWith('/') || items.some(({ item }) => item.kind === 'contents'))
    return;
  if (base.resolve(destination).node?.inode.type === 'dir') return;
  ports.warn(
    `${items.length} files are copied to ${JSON.stringify(destination)} one after another: write ${JSON.stringify(`${destination}/`)} for a directory`,
    op,
  );
}

/** With archives: every file that is one is unpacked into the destination, everything else is copied, in order. */
async function addEntries({ base, items, options }: Placing, ports: CopyPorts): Promise<readonly Entry[]> {
  let tree = base;
  const paths: string[] = [];
  const into = async (placing: Steps<readonly Entry[]>): Promise<void> => {
    const more = await inTurns(placing);
    for (const { path } of more) paths.push(path);
    tree = await inTurns(tree.applySteps(more));
  };
  let plain: SelectedItem[] = [];
  const flush = async (): Promise<void> => {
    if (plain.length === 0) return;
    await into(placeSelection(tree, { items: plain, missing: [], unmatched: [] }, options));
    plain = [];
  };
  for (const { item, unpack } of items) {
    const archive = unpack ? await unpackItem(item, ports) : undefined;
    if (archive === undefined) plain.push(item);
    else {
      await flush();
      await into(extractInto(tree, archive, options));
    }
  }
  await flush();
  return inTurns(captureEntries(base, tree, paths));
}

async function unpackItem(
  item: SelectedItem,
  { archives, signal }: CopyPorts,
): Promise<readonly Entry[] | undefined> {
  const file = item.kind === 'node' ? item.inode : undefined;
  return file?.type === 'file' ? archives.unpack(file, signal) : undefined;
}

import { LapidaryError, quoted, SourceError } from '../errors/index.ts';
import { type Digest, sha256 } from '../oci/index.ts';
import type { BindMount, CacheMount, Op, RunMount } from '../plan/index.ts';
import {
  type Entry,
  filesOf,
  type Inode,
  type LayerId,
  nearestNames,
  placeSelection,
  type Selection,
  selectionDigest,
  selectSources,
  Tree,
  withFiles,
} from '../tree/index.ts';
import type { BuildContext, FactStore, LayerStore, Runtime, StackLayer } from './ports/index.ts';
import { layerName, type TreeCache } from './tree-cache.ts';
import { inTurns } from './turns.ts';

export type MountPorts = {
  readonly facts: FactStore;
  readonly layers: LayerStore;
  readonly trees: TreeCache;
  /** Unpacks layers that are only blobs. */
  readonly runtime: Pick<Runtime, 'unpack'>;
  context(name: string): Promise<BuildContext>;
  readonly signal: AbortSignal;
};

/** What a mount shows: something in a stack of layers. */
export type MountSource = { readonly layers: readonly LayerId[]; readonly path: string };

/** What a mount reads: its digest for the key, and where it is for those who run the step. */
export type MountContent = {
  readonly digest: Digest;
  /** Makes sure that it is in the store. */
  readonly load: () => Promise<MountSource>;
  /** The same as a layer of its own, with nothing around it; `undefined` when it is a file. */
  readonly loadAlone: () => Promise<LayerId | undefined>;
};

type ReadingMount = (BindMount | (CacheMount & { readonly from: Op })) & Pick<RunMount, 'at'>;

/** Whether a mount reads anything that a step's key is to know of. */
export function reads(mount: RunMount): mount is ReadingMount {
  return mount.type === 'bind' || (mount.type === 'cache' && mount.from !== undefined);
}

/** What each mount reads, if anything; `stacks` has what each `from` came to, nothing for a build context. */
export function mountContents(
  mounts: readonly RunMount[],
  stacks: readonly (readonly StackLayer[] | undefined)[],
  ports: MountPorts,
): Promise<readonly (MountContent | undefined)[]> {
  return Promise.all(
    mounts.map((mount, i) =>
      reads(mount) ? mountContent(mount, stacks[i], ports) : Promise.resolve(undefined),
    ),
  );
}

async function mountContent(
  mount: ReadingMount,
  stack: readonly StackLayer[] | undefined,
  ports: MountPorts,
): Promise<MountContent> {
  try {
    return stack === undefined ? await fromContext(mount, ports) : await fromStack(mount, stack, ports);
  } catch (error) {
    if (!(error instanceof LapidaryError) || error instanceof SourceError) throw error;
    throw new SourceError(error.code, error.message, mount.at, { hint: error.hint, notes: error.notes });
  }
}

async function fromContext(mount: ReadingMount, ports: MountPorts): Promise<MountContent> {
  const { from, source } = mount;
  const context = await ports.context(from.op === 'context' ? from.name : '');
  const tree = await context.scan([source]);
  const found = await find(tree, source);
  if (found === undefined) throw nothingThere(mount, await context.scan([source.replace(/\/[^/]*$/, '')]));
  const files = await context.digest(await inTurns(filesOf(found)));
  const selection = await inTurns(withFiles(found, files));
  const loadAlone = (): Promise<LayerId> => store(tree, { source, selection }, ports);
  const name = selection.items[0]?.kind === 'node' ? selection.items[0].name : '';
  return {
    digest: await digestOf(tree, source, selection),
    load: async () => ({ layers: [await loadAlone()], path: `/${name}` }),
    loadAlone: async () => (name === '' ? loadAlone() : undefined),
  };
}

/** From a stage or an image: what a stack holds never changes, so the digest of a part is a fact. */
async function fromStack(
  mount: ReadingMount,
  stack: readonly StackLayer[],
  ports: MountPorts,
): Promise<MountContent> {
  const { source } = mount;
  // A step that needs the layers on disk needs them in no other form
  const unpack = (): Promise<LayerId[]> => ports.trees.unpacked(stack, ports.runtime);
  const look = async (): Promise<{ tree: Tree; selection: Selection }> => {
    await unpack();
    const tree = await ports.trees.of(stack);
    const selection = await find(tree, source);
    if (selection === undefined) throw nothingThere(mount, tree);
    return { tree, selection };
  };
  const fact = `mount:${sha256(JSON.stringify([stack.map(layerName), source]))}`;
  let digest = (await ports.facts.get(fact)) as Digest | undefined;
  if (digest === undefined) {
    const { tree, selection } = await look();
    digest = await digestOf(tree, source, selection);
    await ports.facts.put(fact, digest);
  }
  return {
    digest,
    load: async () => ({
      layers: await unpack(),
      path: `/${(await look()).tree.resolve(source).path}`,
    }),
    loadAlone: async () => {
      const { tree, selection } = await look();
      return selection.items[0]?.kind === 'node' ? undefined : store(tree, { source, selection }, ports);
    },
  };
}

/** Unlike that of a COPY, a source is a path and never a pattern. */
async function find(tree: Tree, source: string): Promise<Selection | undefined> {
  const selection = await inTurns(selectSources(tree, [source.replaceAll(/[*?[\]\\]/g, '\\$&')]));
  return selection.missing.length + selection.unmatched.length > 0 ? undefined : selection;
}

/** The directory itself is seen as well, unlike in a copy of its contents. */
async function digestOf(tree: Tree, source: string, selection: Selection): Promise<Digest> {
  const digest = await inTurns(selectionDigest(selection));
  const top = topOf(tree, source);
  if (top?.type !== 'dir') return digest;
  return sha256(JSON.stringify([digest, top.mode, top.uid, top.gid]));
}

const topOf = (tree: Tree, source: string): Inode | undefined => tree.resolve(source).node?.inode;

/** A layer with what was selected and nothing else: a directory's contents in the root, or one file there. */
async function store(
  tree: Tree,
  { source, selection }: { readonly source: string; readonly selection: Selection },
  { layers, signal }: MountPorts,
): Promise<LayerId> {
  const placing = placeSelection(Tree.empty, selection, { destination: '/', newDirTime: 0 });
  const entries = await inTurns(placing);
  const top = topOf(tree, source);
  const root: Entry[] = top?.type === 'dir' ? [{ kind: 'node', path: '', node: top }] : [];
  return (await layers.write([...root, ...entries.filter(({ path }) => path !== '')], signal)).id;
}

function nothingThere(mount: ReadingMount, tree: Tree): SourceError {
  const { from, source, at } = mount;
  const isContext = from.op === 'context';
  const name = isContext && from.name !== '' ? `the context ${quoted(from.name)}` : 'the build context';
  const near = nearestNames(tree, source);
  const check = isContext ? 'check the path, and .dockerignore' : 'check the path';
  const message = `${quoted(source)} does not exist in ${isContext ? name : 'what it is mounted from'}`;
  return new SourceError('MOUNT_FAILED', message, at, {
    hint: near.length === 0 ? check : `did you mean ${near.join(' or ')}?`,
  });
}

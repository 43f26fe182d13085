import { parseIgnore } from '../dockerfile/index.ts';
import { SourceError } from '../errors/index.ts';
import { type Digest, sha256 } from '../oci/index.ts';
import type { CopyOp } from '../plan/index.ts';
import {
  captureEntries,
  type Entry,
  extractInto,
  type FileNode,
  filesOf,
  type LayerId,
  nearestNames,
  parseChmod,
  placeSelection,
  resolveChown,
  type Selection,
  selectionDigest,
  selectSources,
  type Tree,
  withFiles,
} from '../tree/index.ts';
import { readTextFile } from './image-files.ts';
import type { ArchiveReader, BuildContext, FactStore, LayerStore } from './ports.ts';
import type { TreeCache } from './tree-cache.ts';

export type CopyPorts = {
  readonly facts: FactStore;
  readonly layers: LayerStore;
  readonly archives: ArchiveReader;
  readonly trees: TreeCache;
  context(name: string): Promise<BuildContext>;
  warn(message: string, op: CopyOp): void;
  readonly signal: AbortSignal;
};

/** What a copy reads: its digest for the key, and the thing itself for those who must do the work. */
export type CopyContent = { readonly digest: Digest; readonly load: () => Promise<Selection> };

/** `source` is the stack of the stage or image that is copied from; absent for a build context. */
export async function copyContent(
  op: CopyOp,
  source: readonly LayerId[] | undefined,
  ports: CopyPorts,
): Promise<CopyContent> {
  const parts: CopyContent[] = [];
  if (op.sources.length > 0) {
    parts.push(source === undefined ? await fromContext(op, ports) : await fromStack(op, source, ports));
  }
  if (op.inline.length > 0) parts.push(fromInline(op));
  const [first, second] = parts;
  if (first === undefined) throw new Error('a copy without sources');
  if (second === undefined) return first;
  return {
    digest: sha256(`${first.digest} ${second.digest}`),
    load: async () => joinSelections(await first.load(), await second.load()),
  };
}

function joinSelections(a: Selection, b: Selection): Selection {
  return {
    items: [...a.items, ...b.items],
    missing: [...a.missing, ...b.missing],
    unmatched: [...a.unmatched, ...b.unmatched],
  };
}

async function fromContext(op: CopyOp, ports: CopyPorts): Promise<CopyContent> {
  const name = op.from.op === 'context' ? op.from.name : '';
  const context = await ports.context(name);
  const tree = await context.scan(op.sources.map(scanRoot));
  const selection = selectFrom(op, tree, ports);
  const [missing] = selection.missing;
  // What stands beside it was not looked at yet: for a suggestion it is
  if (missing !== undefined)
    throw nothingToCopy(op, await context.scan([missing.split('/').slice(0, -1).join('/')]), missing);
  const digested = withFiles(selection, await context.digest(filesOf(selection)));
  return { digest: selectionDigest(digested), load: () => Promise.resolve(digested) };
}

/** The part of a source before its first wildcard: all below it must be looked at. */
function scanRoot(source: string): string {
  const components = source.split('/');
  const wild = components.findIndex((component) => /[*?[\\]/.test(component));
  return (wild < 0 ? components : components.slice(0, wild)).join('/');
}

/** From a stage or an image: what a stack holds never changes, so the digest of a selection is a fact. */
async function fromStack(op: CopyOp, stack: readonly LayerId[], ports: CopyPorts): Promise<CopyContent> {
  const load = async (): Promise<Selection> => {
    const tree = await ports.trees.of(stack);
    const selection = selectFrom(op, tree, ports);
    const [missing] = selection.missing;
    if (missing !== undefined) throw nothingToCopy(op, tree, missing);
    return selection;
  };
  const fact = `selection:${sha256(JSON.stringify([stack, op.sources, op.exclude]))}`;
  const known = await ports.facts.get(fact);
  if (known !== undefined) return { digest: known as Digest, load };
  const selection = await load();
  const digest = selectionDigest(selection);
  await ports.facts.put(fact, digest);
  return { digest, load: () => Promise.resolve(selection) };
}

function fromInline(op: CopyOp): CopyContent {
  const items = op.inline.map(({ name, bytes }): Selection['items'][number] => {
    const content = { kind: 'bytes', bytes } as const;
    const inode: FileNode = {
      type: 'file',
      ...INLINE_METADATA,
      size: bytes.length,
      digest: sha256(bytes),
      content,
    };
    return { kind: 'node', name, inode };
  });
  const selection: Selection = { items, missing: [], unmatched: [] };
  return { digest: selectionDigest(selection), load: () => Promise.resolve(selection) };
}

const INLINE_METADATA = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

function selectFrom(op: CopyOp, tree: Tree, ports: CopyPorts): Selection {
  const rules = op.exclude.length === 0 ? undefined : parseIgnore(op.exclude.map(asRule).join('\n'));
  const selection = selectSources(tree, op.sources, rules ? { exclude: (path) => rules.match(path) } : {});
  for (const pattern of selection.unmatched) ports.warn(`${JSON.stringify(pattern)} matches no file`, op);
  return selection;
}

/** A pattern that begins with # is no comment here. */
const asRule = (pattern: string): string => (pattern.startsWith('#') ? `./${pattern}` : pattern);

function nothingToCopy(op: CopyOp, tree: Tree, missing: string): SourceError {
  const where = op.from.op === 'context' ? contextName(op.from.name) : 'what it is copied from';
  const near = nearestNames(tree, missing);
  const ignored = op.from.op === 'context' ? 'check the path, and .dockerignore' : 'check the path';
  const hint = near.length === 0 ? ignored : `did you mean ${near.join(' or ')}?`;
  const at = op.sourcesAt[op.sources.indexOf(missing)] ?? op.origin.at;
  return new SourceError('COPY_NOTHING', `${JSON.stringify(missing)} does not exist in ${where}`, at, {
    hint,
  });
}

const contextName = (name: string): string =>
  name === '' ? 'the build context' : `the context ${JSON.stringify(name)}`;

/** Does the copy: the layer's entries over `base`, not yet stored. `newTime` is for directories made on the way. */
export async function copyEntries(
  op: CopyOp,
  { base, selection, newTime }: { base: Tree; selection: Selection; newTime: number },
  ports: CopyPorts,
): Promise<readonly Entry[]> {
  const [passwd, group] = await Promise.all([
    op.chown === undefined ? undefined : readTextFile(base, 'etc/passwd', ports.layers),
    op.chown === undefined ? undefined : readTextFile(base, 'etc/group', ports.layers),
  ]);
  const accounts = { ...(passwd === undefined ? {} : { passwd }), ...(group === undefined ? {} : { group }) };
  const options = {
    destination: op.destination,
    newDirTime: newTime,
    ...(op.chown === undefined ? {} : { chown: resolveChown(op.chown, accounts) }),
    ...(op.chmod === undefined ? {} : { chmod: parseChmod(op.chmod) }),
  };
  if (!op.unpack) return placeSelection(base, selection, options);
  return addEntries({ base, selection, options }, ports);
}

type AddParts = {
  readonly base: Tree;
  readonly selection: Selection;
  readonly options: Parameters<typeof placeSelection>[2];
};

/** ADD: every single file that is an archive is unpacked into the destination, everything else is copied. */
async function addEntries(
  { base, selection, options }: AddParts,
  ports: CopyPorts,
): Promise<readonly Entry[]> {
  let tree = base;
  const paths: string[] = [];
  const into = (more: readonly Entry[]): void => {
    for (const { path } of more) paths.push(path);
    tree = tree.apply(more);
  };
  const plain: Selection['items'][number][] = [];
  for (const item of selection.items) {
    const archive = await unpackItem(item, ports);
    if (archive === undefined) plain.push(item);
    else into(extractInto(tree, archive, options));
  }
  if (plain.length > 0) {
    // One of several sources still goes into a directory, even where the others were archives
    const several = selection.items.length > 1 && !options.destination.endsWith('/');
    const destination = several ? `${options.destination}/` : options.destination;
    into(placeSelection(tree, { ...selection, items: plain }, { ...options, destination }));
  }
  return captureEntries(base, tree, paths);
}

async function unpackItem(
  item: Selection['items'][number],
  { archives, signal }: CopyPorts,
): Promise<readonly Entry[] | undefined> {
  const file = item.kind === 'node' ? item.inode : undefined;
  return file?.type === 'file' ? archives.unpack(file, signal) : undefined;
}

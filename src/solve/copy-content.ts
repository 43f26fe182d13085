import { parseIgnore } from '../dockerfile/index.ts';
import { SourceError } from '../errors/index.ts';
import { type Digest, sha256 } from '../oci/index.ts';
import type { CopyOp, CopySource } from '../plan/index.ts';
import {
  filesOf,
  nearestNames,
  type PathTest,
  type SelectedItem,
  type Selection,
  selectionDigest,
  selectSources,
  type Tree,
  withFiles,
} from '../tree/index.ts';
import { excludeOf, fromGit, fromHttp, type Part, singleFile } from './copy-part.ts';
import type { BuildContext, FactStore, LayerStore, RemoteSources, StackLayer } from './ports/index.ts';
import { layerName, type TreeCache } from './tree-cache.ts';
import { inTurns } from './turns.ts';

export type ContentPorts = {
  readonly facts: FactStore;
  readonly remote: RemoteSources;
  readonly trees: TreeCache;
  readonly layers: Pick<LayerStore, 'openContent'>;
  context(name: string): Promise<BuildContext>;
  warn(message: string, step: Pick<CopyOp, 'origin'>, hint?: string): void;
  readonly signal: AbortSignal;
};

/** One thing to place, and whether it is unpacked where it is an archive. */
export type CopyItem = { readonly item: SelectedItem; readonly unpack: boolean };

/** What a copy reads: its digest for the key, and the thing itself for those who must do the work. */
export type CopyContent = { readonly digest: Digest; readonly load: () => Promise<readonly CopyItem[]> };

/** `stack` is what a stage or image that is copied from came to; absent for a build context. */
export async function copyContent(
  op: CopyOp,
  stack: readonly StackLayer[] | undefined,
  ports: ContentPorts,
): Promise<CopyContent> {
  const parts = await Promise.all(groups(op.sources).map((group) => readGroup(op, group, { stack, ports })));
  return {
    digest: sha256(JSON.stringify(parts.map(({ digest, unpack }) => [digest, unpack]))),
    load: async () => {
      const loaded = await Promise.all(
        parts.map(async ({ load, unpack }) => (await load()).items.map((item) => ({ item, unpack }))),
      );
      return loaded.flat();
    },
  };
}

type PathSource = Extract<CopySource, { kind: 'path' }>;
type Group =
  | { readonly kind: 'paths'; readonly sources: readonly PathSource[] }
  | Exclude<CopySource, PathSource>;

/** Paths that follow each other are looked up together; the order of all stays. */
function groups(sources: readonly CopySource[]): Group[] {
  const done: Group[] = [];
  for (const source of sources) {
    const last = done.at(-1);
    if (source.kind !== 'path') done.push(source);
    else if (last?.kind === 'paths') done[done.length - 1] = { ...last, sources: [...last.sources, source] };
    else done.push({ kind: 'paths', sources: [source] });
  }
  return done;
}

type Where = { readonly stack: readonly StackLayer[] | undefined; readonly ports: ContentPorts };

async function readGroup(op: CopyOp, group: Group, { stack, ports }: Where): Promise<Part> {
  switch (group.kind) {
    case 'paths': {
      const paths: Paths = { op, sources: group.sources, ports };
      return stack === undefined ? fromContext(paths) : fromStack(paths, stack);
    }
    case 'inline':
      return fromInline(group.file);
    case 'http':
      return fromHttp(group, ports);
    case 'git':
      return fromGit(op, group, ports);
  }
}

type Paths = {
  readonly op: CopyOp;
  readonly sources: readonly PathSource[];
  readonly ports: ContentPorts;
};

const unpacked = ({ sources }: Paths): boolean => sources[0]?.unpack ?? false;

/** A context that nobody touched since its selection was digested the last time is not read at all. */
async function fromContext(paths: Paths): Promise<Part> {
  const { op, sources, ports } = paths;
  const context = await ports.context(op.from.op === 'context' ? op.from.name : '');
  const roots = sources.map(({ path }) => scanRoot(path));
  const print = await context.fingerprint?.(roots);
  const asked = [print, sources.map(({ path }) => path), op.exclude, op.parents];
  const fact = print === undefined ? undefined : `context:${sha256(JSON.stringify(asked))}`;
  const known = fact === undefined ? undefined : await ports.facts.get(fact);
  const unpack = unpacked(paths);
  const load = (): Promise<Selection> => readContext(paths, context, roots);
  if (known !== undefined) return { digest: known as Digest, unpack, load };
  const selection = await load();
  const digest = await inTurns(selectionDigest(selection));
  // A pattern that matches nothing is told of in every build
  if (fact !== undefined && selection.unmatched.length === 0) await ports.facts.put(fact, digest);
  return { digest, unpack, load: () => Promise.resolve(selection) };
}

async function readContext(
  paths: Paths,
  context: BuildContext,
  roots: readonly string[],
): Promise<Selection> {
  const tree = await context.scan(roots);
  const selection = await selectFrom(paths, tree);
  const [missing] = selection.missing;
  // What stands beside it was not looked at yet: for a suggestion it is
  if (missing !== undefined)
    throw nothingToCopy(paths, await context.scan([missing.split('/').slice(0, -1).join('/')]), missing);
  const files = await context.digest(await inTurns(filesOf(selection)));
  return inTurns(withFiles(selection, files));
}

/** The part of a source before its first wildcard: all below it must be looked at. */
function scanRoot(source: string): string {
  const components = source.split('/');
  const wild = components.findIndex((component) => /[*?[\\]/.test(component));
  return (wild < 0 ? components : components.slice(0, wild)).join('/');
}

/** From a stage or an image: what a stack holds never changes, so the digest of a selection is a fact. */
async function fromStack(paths: Paths, stack: readonly StackLayer[]): Promise<Part> {
  const { op, sources, ports } = paths;
  const load = async (): Promise<Selection> => {
    const tree = await ports.trees.of(stack);
    const selection = op.closure
      ? await (await import('./closure-content.ts')).selectClosure(tree, op, ports.layers)
      : await selectFrom(paths, tree);
    const [missing] = selection.missing;
    if (missing !== undefined) throw nothingToCopy(paths, tree, missing);
    return selection;
  };
  const asked = [stack.map(layerName), sources.map(({ path }) => path), op.exclude, op.closure ?? op.parents];
  const fact = `selection:2:${sha256(JSON.stringify(asked))}`;
  const known = await ports.facts.get(fact);
  const unpack = unpacked(paths);
  if (known !== undefined) return { digest: known as Digest, unpack, load };
  const selection = await load();
  const digest = await inTurns(selectionDigest(selection));
  await ports.facts.put(fact, digest);
  return { digest, unpack, load: () => Promise.resolve(selection) };
}

const INLINE_METADATA = { mode: 0o644, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

async function fromInline({
  name,
  bytes,
}: {
  readonly name: string;
  readonly bytes: Uint8Array;
}): Promise<Part> {
  const content = { kind: 'bytes', bytes } as const;
  const digest = sha256(bytes);
  const selection = singleFile(name, {
    type: 'file',
    ...INLINE_METADATA,
    size: bytes.length,
    digest,
    content,
  });
  return {
    digest: await inTurns(selectionDigest(selection)),
    unpack: false,
    load: () => Promise.resolve(selection),
  };
}

async function selectFrom({ op, sources, ports }: Paths, tree: Tree): Promise<Selection> {
  const selecting = selectSources(
    tree,
    sources.map(({ path }) => path),
    { exclude: excludeOf(op), ...(op.parents ? { parents: parentsTest } : {}) },
  );
  const selection = await inTurns(selecting);
  for (const pattern of selection.unmatched) ports.warn(`${JSON.stringify(pattern)} matches no file`, op);
  return selection;
}

/** The wildcards of `--parents` are those of ignore files, but there are no exceptions. */
function parentsTest(pattern: string): PathTest {
  if (pattern === '') return () => true;
  const rules = parseIgnore(`./${pattern}`);
  return (path) => rules.match(path);
}

function nothingToCopy({ op, sources }: Paths, tree: Tree, missing: string): SourceError {
  const where = op.from.op === 'context' ? contextName(op.from.name) : 'what it is copied from';
  const near = nearestNames(tree, missing);
  const ignored = op.from.op === 'context' ? 'check the path, and .dockerignore' : 'check the path';
  const hint = near.length === 0 ? ignored : `did you mean ${near.join(' or ')}?`;
  const at = sources.find(({ path }) => path === missing)?.at ?? op.origin.at;
  return new SourceError('COPY_NOTHING', `${JSON.stringify(missing)} does not exist in ${where}`, at, {
    hint,
  });
}

const contextName = (name: string): string =>
  name === '' ? 'the build context' : `the context ${JSON.stringify(name)}`;

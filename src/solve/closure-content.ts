import { type ByteSource, closureOf, type Missing } from '../elf/index.ts';
import { LapidaryError, SourceError } from '../errors/index.ts';
import type { CopyOp, CopySource } from '../plan/index.ts';
import { type FileNode, type Selection, selectSources, sourcePaths, type Tree } from '../tree/index.ts';
import { contentSource } from './content-source.ts';
import { excludeOf } from './copy-part.ts';
import type { LayerStore } from './ports/index.ts';
import { inTurns } from './turns.ts';

/** How many missing things an error lists. */
const LISTED = 10;

/** The sources of a `COPY --closure` and all that the programs among them need, each at its path. */
export async function selectClosure(
  tree: Tree,
  op: CopyOp,
  layers: Pick<LayerStore, 'openContent'>,
): Promise<Selection> {
  const named = op.sources.filter((source) => source.kind === 'path');
  const found = await Promise.all(named.map(({ path }) => inTurns(sourcePaths(tree, path))));
  const missing = found.flatMap((one) => one.missing);
  const unmatched = named.filter((_, index) => found[index]?.paths.length === 0).map(({ path }) => path);
  if (missing.length > 0) return { items: [], missing, unmatched: [] };
  const roots = found.flatMap(({ paths }) => paths.map((path) => `/${path}`));
  const open = (file: FileNode): ByteSource => contentSource(file, layers);
  const [at] = op.sources;
  const closure = await pointingAt(at, () => closureOf({ tree, open }, { roots, ...op.closure }));
  if (closure.missing.length > 0) throw incomplete(closure.missing, at?.at ?? op.origin.at);
  const paths = new Set(closure.paths);
  const selecting = selectSources(tree, [''], {
    exclude: excludeOf(op),
    parents: () => (path) => paths.has(path),
  });
  const selected = await inTurns(selecting);
  return { ...selected, missing: [], unmatched };
}

async function pointingAt<T>(source: CopySource | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof LapidaryError) || error instanceof SourceError || source === undefined)
      throw error;
    throw new SourceError(error.code, error.message, source.at, { hint: error.hint, cause: error });
  }
}

function incomplete(missing: readonly Missing[], at: CopySource['at']): SourceError {
  const notes = missing.slice(0, LISTED).map(({ name, neededBy, searched }) => {
    const where = searched.length === 0 ? '' : `; searched: ${searched.join(' ')}`;
    return `${JSON.stringify(neededBy)} needs ${JSON.stringify(name)}${where}`;
  });
  const more = missing.length > LISTED ? [`and ${missing.length - LISTED} more`] : [];
  const message = `what ${missing.length === 1 ? 'a program needs is' : 'programs need is'} not there to be copied`;
  return new SourceError('CLOSURE_INCOMPLETE', message, at, {
    notes: [...notes, ...more],
    hint: 'install what is missing in the stage that is copied from',
  });
}

import { type BuildContext, inTurns } from '../solve/index.ts';
import {
  type Entry,
  type FileNode,
  type Inode,
  mapSteps,
  type Steps,
  selectSources,
  Tree,
} from '../tree/index.ts';
import type { ContextRules } from './directory-context.ts';

/** Files that the store has already as a build context: of an archive or a repository. Owners are 0:0, as in every one. */
export async function openTreeContext(tree: Tree, ignore: ContextRules | undefined): Promise<BuildContext> {
  return new TreeContext(await inTurns(asContext(tree, ignore)));
}

class TreeContext implements BuildContext {
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  scan(): Promise<Tree> {
    return Promise.resolve(this.#tree);
  }

  digest(files: readonly FileNode[]): Promise<readonly FileNode[]> {
    return Promise.resolve(files);
  }
}

function* asContext(tree: Tree, ignore: ContextRules | undefined): Steps<Tree> {
  const owned = new Map<Inode, Inode>();
  const ofRoot = (inode: Inode): Inode => {
    const known = owned.get(inode) ?? { ...inode, uid: 0, gid: 0 };
    owned.set(inode, known);
    return known;
  };
  const exclude = ignore ? { exclude: (path: string): boolean => ignore.match(path) } : {};
  const [root] = (yield* selectSources(tree, [''], exclude)).items;
  const nodes = root?.kind === 'contents' ? root.nodes : [];
  const entries = yield* mapSteps(
    nodes,
    ({ path, inode }): Entry => ({ kind: 'node', path, node: ofRoot(inode) }),
  );
  return yield* Tree.empty.applySteps(entries);
}

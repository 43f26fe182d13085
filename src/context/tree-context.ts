import type { BuildContext } from '../solve/index.ts';
import { type Entry, type FileNode, type Inode, selectSources, Tree } from '../tree/index.ts';
import type { ContextRules } from './directory-context.ts';

/** Files that the store has already as a build context: of an archive or a repository. */
export class TreeContext implements BuildContext {
  readonly #tree: Tree;

  /** Owners are 0:0, as in every build context. */
  constructor(tree: Tree, ignore: ContextRules | undefined) {
    this.#tree = asContext(tree, ignore);
  }

  scan(): Promise<Tree> {
    return Promise.resolve(this.#tree);
  }

  digest(files: readonly FileNode[]): Promise<readonly FileNode[]> {
    return Promise.resolve(files);
  }
}

function asContext(tree: Tree, ignore: ContextRules | undefined): Tree {
  const owned = new Map<Inode, Inode>();
  const ofRoot = (inode: Inode): Inode => {
    const known = owned.get(inode) ?? { ...inode, uid: 0, gid: 0 };
    owned.set(inode, known);
    return known;
  };
  const { items } = selectSources(tree, [''], ignore ? { exclude: (path) => ignore.match(path) } : {});
  const entries = items.flatMap((item): Entry[] =>
    item.kind === 'node'
      ? []
      : item.nodes.map(({ path, inode }) => ({ kind: 'node', path, node: ofRoot(inode) })),
  );
  return Tree.of([entries]);
}

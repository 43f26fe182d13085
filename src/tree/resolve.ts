import { LapidaryError, quoted } from '../errors/index.ts';
import { components } from './path.ts';
import type { TreeNode } from './tree.ts';

/** As Go's filepath-securejoin and Linux's own order of magnitude. */
const MAX_LINKS = 255;

export type Resolved = {
  /** Where it is, with every link followed: relative, clean. */
  readonly path: string;
  /** Absent when there is nothing at `path`. */
  readonly node: TreeNode | undefined;
  /** Where the links are that were followed, in order. */
  readonly links: readonly string[];
};

/** The contract of `Tree.resolve`, from any root. */
export function resolveFrom(root: TreeNode, path: string, follow: boolean): Resolved {
  const todo = components(path).reverse();
  const at: { name: string; node: TreeNode | undefined }[] = [];
  const links: string[] = [];
  while (todo.length > 0) {
    const name = todo.pop() ?? '';
    if (name === '..') {
      at.pop();
      continue;
    }
    const parent = at.length === 0 ? root : at.at(-1)?.node;
    if (parent !== undefined && parent.children === undefined) throw notDirectory(path, pathOf(at));
    const node = parent?.children?.get(name);
    if (node?.inode.type !== 'symlink' || (todo.length === 0 && !follow)) {
      at.push({ name, node });
      continue;
    }
    links.push(pathOf([...at, { name }]));
    if (links.length > MAX_LINKS) throw tooManyLinks(path, node.inode.target);
    if (node.inode.target.startsWith('/')) at.length = 0;
    todo.push(...components(node.inode.target).reverse());
  }
  return { path: pathOf(at), node: at.length === 0 ? root : at.at(-1)?.node, links };
}

function pathOf(at: readonly { readonly name: string }[]): string {
  return at.map((one) => one.name).join('/');
}

function notDirectory(path: string, through: string): LapidaryError {
  return new LapidaryError(
    'NOT_A_DIRECTORY',
    `${quoted(`/${through}`)} in ${quoted(path)} is not a directory`,
  );
}

function tooManyLinks(path: string, target: string): LapidaryError {
  return new LapidaryError('PATH_LOOP', `too many symbolic links in ${quoted(path)}`, {
    hint: `the last one leads to ${quoted(target)}`,
  });
}

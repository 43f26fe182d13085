import { suggest } from '../errors/index.ts';
import { cleanPath, components, joinPath } from './path.ts';
import type { Tree } from './tree.ts';

/** Paths that a source that does not exist may have meant: same directory or same last name, at most two. */
export function nearestNames(tree: Tree, source: string): string[] {
  const names = components(cleanPath(source));
  let directory = '';
  for (const name of names) {
    const children = tree.get(directory)?.children;
    if (children === undefined) return [];
    if (children.has(name)) {
      directory = joinPath(directory, name);
      continue;
    }
    const near = suggest(name, children.keys());
    return near === undefined ? [] : [joinPath(directory, near)];
  }
  return [];
}

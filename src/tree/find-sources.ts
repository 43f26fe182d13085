import { type ErrorCode, LapidaryError } from '../errors/index.ts';
import { hasWildcard, isWild, nameMatcher } from './glob.ts';
import { compareNames } from './order.ts';
import { cleanPath, components, joinPath } from './path.ts';
import type { Resolved } from './resolve.ts';
import { eachStep, type Steps, sortSteps } from './steps.ts';
import type { Tree, TreeNode } from './tree.ts';

/** Something that a source names: what it is called there, and where that leads. */
export type FoundSource = { readonly name: string; readonly path: string; readonly node: TreeNode };

/** All that one source names, and what of it leads nowhere. */
export type FoundSources = {
  readonly found: readonly FoundSource[];
  readonly missing: readonly string[];
  /** The source has wildcards, or escapes. */
  readonly wild: boolean;
  /** It may match nothing without being wrong. */
  readonly optional: boolean;
};

/**
 * What a source names in a tree. Links are followed where names are written out, but for those behind a wildcard: a
 * pattern looks into directories only, as BuildKit's does. What it matches is followed again.
 * @throws LapidaryError PATTERN_INVALID, PATH_LOOP
 */
export function* findSources(tree: Tree, source: string): Steps<FoundSources> {
  const path = cleanPath(source);
  const wild = components(path).some(isWild);
  const optional = components(path).some(hasWildcard);
  const found: FoundSource[] = [];
  const missing: string[] = [];
  yield* eachStep(wild ? yield* expandPattern(tree, path) : [path], (one) => {
    const at = locate(tree, one);
    if (at === undefined) missing.push(wild ? one : source);
    else found.push({ ...at, name: nameOf(one) });
  });
  if (wild && !optional && found.length === 0 && missing.length === 0) missing.push(source);
  return { found, missing, wild, optional };
}

/** The paths that a source names, links not followed; those with wildcards may be none. */
export function* sourcePaths(
  tree: Tree,
  source: string,
): Steps<Pick<FoundSources, 'missing'> & { readonly paths: readonly string[] }> {
  const path = cleanPath(source);
  const wild = components(path).some(isWild);
  const paths = wild ? yield* expandPattern(tree, path) : [path];
  const lost = paths.filter((one) => locate(tree, one) === undefined);
  const none = wild && paths.length === 0 && !components(path).some(hasWildcard);
  return { paths, missing: none || (lost.length > 0 && !wild) ? [source] : lost };
}

type Located = { readonly path: string; readonly node: TreeNode };

/** Where a path leads; a path through a file leads nowhere. */
function locate(tree: Tree, path: string): Located | undefined {
  return unless(['NOT_A_DIRECTORY'], () => existing(tree.resolve(path)));
}

/** The same for the start of a pattern: a link that leads to itself is only no directory, like a file. */
function look(tree: Tree, path: string): Located | undefined {
  return unless(['NOT_A_DIRECTORY', 'PATH_LOOP'], () => existing(tree.resolve(path)));
}

function existing({ path, node }: Resolved): Located | undefined {
  return node && { path, node };
}

function unless<T>(codes: readonly ErrorCode[], make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof LapidaryError && codes.includes(error.code)) return undefined;
    throw error;
  }
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** All paths a pattern matches, in order. */
function* expandPattern(tree: Tree, pattern: string): Steps<string[]> {
  const names = components(pattern);
  const first = names.findIndex(isWild);
  const prefix = names.slice(0, first).join('/');
  const start = look(tree, prefix);
  if (start === undefined) return [];
  let matched: Located[] = [{ path: prefix, node: start.node }];
  for (const name of names.slice(first)) {
    const matches = isWild(name) ? nameMatcher(name) : (other: string): boolean => other === name;
    const next: Located[] = [];
    for (const { path, node } of matched) {
      for (const [child, below] of yield* matching(node, matches))
        next.push({ path: joinPath(path, child), node: below });
    }
    matched = next;
  }
  return matched.map(({ path }) => path);
}

function* matching(
  { children = new Map() }: TreeNode,
  matches: (name: string) => boolean,
): Steps<readonly (readonly [string, TreeNode])[]> {
  const found: (readonly [string, TreeNode])[] = [];
  yield* eachStep(children, (child) => {
    if (matches(child[0])) found.push(child);
  });
  return yield* sortSteps(found, ([a], [b]) => compareNames(a, b));
}

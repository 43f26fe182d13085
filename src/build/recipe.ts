import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import {
  MARKERS,
  type ProjectFiles,
  type RecipeOptions,
  type RecipeText,
  writeRecipe,
} from '../recipe/index.ts';
import { noDockerfile, readSmall } from './dockerfile-file.ts';
import type { TreeFiles } from './tree-files.ts';

/**
 * The Dockerfile of a project in a directory of this machine, absolute, that has none.
 * @throws LapidaryError DOCKERFILE_NOT_FOUND when no recipe is for it; SourceError, LapidaryError PROJECT_INVALID
 */
export async function recipeInDirectory(directory: string, options: RecipeOptions = {}): Promise<RecipeText> {
  const written = await writeRecipe(projectIn(directory), options);
  return written ?? noRecipe(join(directory, 'Dockerfile'));
}

/** The same for an archive or a repository. */
export async function recipeInTree(files: TreeFiles, options: RecipeOptions = {}): Promise<RecipeText> {
  const project: ProjectFiles = {
    folder: 'project',
    readText: (path) => files.readText(path, 'CONTEXT_UNREADABLE'),
    list: (path) => Promise.resolve(files.list(path)),
  };
  const hint = 'name the one in the archive or repository with -f';
  return (await writeRecipe(project, options)) ?? noRecipe('Dockerfile', hint);
}

function noRecipe(path: string, hint?: string): never {
  throw noDockerfile(`${quoted(path)}, and no ${MARKERS.join(' or ')} of a project that needs none`, hint);
}

function projectIn(directory: string): ProjectFiles {
  return {
    folder: basename(directory),
    readText: (path) => readSmall(join(directory, path)),
    list: (path) => namesIn(join(directory, path)),
  };
}

async function namesIn(path: string): Promise<readonly string[] | undefined> {
  try {
    return (await readdir(path)).sort();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const message = `${quoted(path)} cannot be read: ${messageOf(cause)}`;
    throw new LapidaryError('CONTEXT_UNREADABLE', message, { cause });
  }
}

import { link, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import type { RecipeOptions, RecipeText } from '../recipe/index.ts';

export type ProjectDockerfile = RecipeText;

/**
 * The Dockerfile that a project in a directory, absolute, is built by when it has none. With `write` it and its ignore
 * file are put there: building them gives the same image. `force` replaces what is there.
 * @throws LapidaryError DOCKERFILE_NOT_FOUND, PROJECT_INVALID, UNSUPPORTED; EXPORT_FAILED when a file exists or cannot
 *   be written, and then nothing is
 */
export async function initProject(
  directory: string,
  options: RecipeOptions,
  { write, force = false }: { readonly write: boolean; readonly force?: boolean },
): Promise<ProjectDockerfile> {
  const { recipeInDirectory } = await import('./recipe.ts');
  const recipe = await recipeInDirectory(directory, options);
  if (write) {
    await writeFiles(directory, force, [
      ['Dockerfile', recipe.dockerfile],
      ['.dockerignore', recipe.ignore],
    ]);
  }
  return recipe;
}

type NamedText = readonly [name: string, text: string];

async function writeFiles(directory: string, force: boolean, files: readonly NamedText[]): Promise<void> {
  const written: string[] = [];
  try {
    for (const [name, text] of files) {
      const path = join(directory, name);
      if (force) await rm(path, { force: true });
      await writeNew(path, text);
      written.push(path);
    }
  } catch (error) {
    await Promise.all(written.map((path) => rm(path, { force: true })));
    throw error;
  }
}

/** Whole or not at all, and never over what is there. */
async function writeNew(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await writeFile(aside, text, { flag: 'wx' });
    await link(aside, path);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    throw new LapidaryError(
      'EXPORT_FAILED',
      exists ? `${quoted(path)} is there already` : `${quoted(path)} cannot be written: ${messageOf(cause)}`,
      {
        cause,
        ...(exists && { hint: 'look at what would be written with --print, or replace it with --force' }),
      },
    );
  } finally {
    await rm(aside, { force: true });
  }
}

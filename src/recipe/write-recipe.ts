import { checkOptions } from './check-options.ts';
import { crystalRecipe } from './crystal/recipe.ts';
import { goRecipe } from './go.ts';
import { makeRecipe } from './make.ts';
import { OPTIONS_FILE, readOptionsFile } from './options-file.ts';
import { rustRecipe } from './rust.ts';
import type { ProjectFiles, Recipe, RecipeOptions, RecipeText } from './types.ts';

/** Tried in this order. A new language is added here. */
const RECIPES: readonly Recipe[] = [crystalRecipe, goRecipe, rustRecipe, makeRecipe];

/** Files by which projects are recognised. */
export const MARKERS: readonly string[] = RECIPES.map(({ marker }) => marker);

/**
 * The Dockerfile for a project that has none. What is said by `options` counts more than what its `lapidary.yml` says.
 * @returns `undefined` when no language is recognised
 * @throws SourceError, LapidaryError PROJECT_INVALID, UNSUPPORTED
 */
export async function writeRecipe(
  files: ProjectFiles,
  options: RecipeOptions,
): Promise<RecipeText | undefined> {
  for (const recipe of RECIPES) {
    if ((await files.readText(recipe.marker)) === undefined) continue;
    const own = await files.readText(OPTIONS_FILE);
    const all = { ...(own === undefined ? {} : readOptionsFile(own)), ...options };
    checkOptions(all);
    return recipe.write(files, all);
  }
  return undefined;
}

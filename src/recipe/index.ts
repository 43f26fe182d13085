export type { LinkMode, ProjectFiles, RecipeOptions, RecipeText, Toolchain, When } from './types.ts';
export { MARKERS, writeRecipe } from './write-recipe.ts';

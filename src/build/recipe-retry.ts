import { LapidaryError } from '../errors/index.ts';
import type { RecipeText } from '../recipe/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import type { BuildOptions, BuildRequest, BuildResult } from './types.ts';

/** What is built when there is no Dockerfile. */
export function tellRecipe({ title, notes }: RecipeText, emit: (event: BuildEvent) => void): void {
  emit({
    type: 'notice',
    message: `no Dockerfile: this is the ${title}; lapidary init writes what is built`,
  });
  for (const message of notes) emit({ type: 'warning', message });
}

/**
 * Builds once more when a step of a recipe ends with the code by which it says that it has to be done in another way.
 * What went well comes from the cache.
 */
export async function withRetry(
  request: BuildRequest,
  { onEvent }: Pick<BuildOptions, 'onEvent'>,
  attempt: (request: BuildRequest, onRecipe: (recipe: RecipeText) => void) => Promise<BuildResult>,
): Promise<BuildResult> {
  let retry: RecipeText['retry'];
  try {
    return await attempt(request, (recipe) => {
      retry = recipe.retry;
    });
  } catch (error) {
    // Standard input cannot be read again
    if (request.context.type === 'stream' || !(error instanceof LapidaryError)) throw error;
    if (retry === undefined || error.exitCode !== retry.exitCode) throw error;
    onEvent?.({ type: 'warning', message: retry.reason });
    const recipe = { ...request.recipe, ...retry.options };
    return attempt({ ...request, recipe }, () => undefined);
  }
}

import { describe, expect, test } from 'vitest';
import { LapidaryError } from '../errors/index.ts';
import type { RecipeText } from '../recipe/index.ts';
import type { BuildEvent } from '../solve/index.ts';
import { withRetry } from './recipe-retry.ts';
import type { BuildRequest, BuildResult } from './types.ts';

const RECIPE: RecipeText = {
  title: 'project',
  dockerfile: '',
  ignore: '',
  buildArgs: {},
  notes: [],
  retry: { exitCode: 93, options: { link: 'dynamic' }, reason: 'no archive' },
};
const RESULT: BuildResult = { images: [], pushed: [], tags: [], steps: { hits: 0, runs: 0 } };
const request: BuildRequest = { context: { type: 'directory', path: '/p' }, recipe: { tls: 'on' } };

/** Fails with exit codes, one per attempt, and tells what was asked for each time. */
async function attempts(
  exitCodes: readonly number[],
  { asked = request, recipe = RECIPE }: { readonly asked?: BuildRequest; readonly recipe?: RecipeText } = {},
): Promise<{ tried: BuildRequest['recipe'][]; events: BuildEvent[]; exitCode: number | undefined }> {
  const tried: BuildRequest['recipe'][] = [];
  const events: BuildEvent[] = [];
  const onEvent = (event: BuildEvent): number => events.push(event);
  const ended = withRetry(asked, { onEvent }, (one, onRecipe) => {
    onRecipe(recipe);
    const exitCode = exitCodes[tried.length];
    tried.push(one.recipe);
    if (exitCode === undefined) return Promise.resolve(RESULT);
    return Promise.reject(new LapidaryError('RUN_FAILED', 'it failed', { exitCode }));
  });
  const exitCode = await ended.then(
    () => undefined,
    (error: unknown) => (error as LapidaryError).exitCode,
  );
  return { tried, events, exitCode };
}

describe('a build whose recipe knows another way', () => {
  test('is tried once more, with what was asked for, and says why', async () => {
    const { tried, events, exitCode } = await attempts([93]);
    expect(exitCode).toBeUndefined();
    expect(tried).toEqual([{ tls: 'on' }, { tls: 'on', link: 'dynamic' }]);
    expect(events).toEqual([{ type: 'warning', message: 'no archive' }]);
  });

  test('is not tried a third time', async () => {
    expect(await attempts([93, 93])).toMatchObject({ exitCode: 93, tried: { length: 2 } });
  });

  test.each<{ name: string; exitCodes: readonly number[]; asked?: BuildRequest; recipe?: RecipeText }>([
    { name: 'it fails for another reason', exitCodes: [1] },
    { name: 'its context was standard input', exitCodes: [93], asked: { context: { type: 'stream' } } },
    {
      name: 'somebody decided',
      exitCodes: [93],
      recipe: { title: '', dockerfile: '', ignore: '', buildArgs: {}, notes: [] },
    },
  ])('is not tried again when $name', async ({ exitCodes, ...more }) => {
    expect(await attempts(exitCodes, more)).toMatchObject({ exitCode: exitCodes[0], tried: { length: 1 } });
  });
});

import { expandWord, type Stage, variablesIn, type Word } from '../dockerfile/index.ts';
import { LapidaryError, quoted, SourceError, suggest } from '../errors/index.ts';
import { formatPlatform, type Platform, parsePlatform } from '../oci/index.ts';
import { declaredNames, StageArguments } from './arguments.ts';
import { startFromFiles } from './named-contexts.ts';
import type { PlanScope } from './plan-scope.ts';
import { findNamedStage, stageName } from './stage-name.ts';
import { environmentMap, type StageStart, StageState, withPath } from './stage-state.ts';
import type { ImageNeed } from './types.ts';

/**
 * A stage as its FROM leaves it; `undefined` when the image behind it is not known yet.
 *
 * @param stageAfter gives an earlier stage after all its instructions
 * @throws SourceError for a FROM that names nothing
 */
export function startStage(
  scope: PlanScope,
  stage: Stage,
  stageAfter: (stage: Stage) => StageState | undefined,
): StageState | undefined {
  const { file } = scope;
  const { showsPlatform = false } = scope.options;
  const reference = expandFrom(scope, stage.from.image);
  const platform = platformOf(scope, stage);
  const name = stageName(stage);
  // A FROM sees the stages above it by name; a number is the name of an image
  const base = findNamedStage(file.stages.slice(0, stage.index), reference);
  if (base !== undefined && scope.contexts.find(reference) === undefined) {
    const state = stageAfter(base);
    if (state === undefined) return undefined;
    const args = new StageArguments(scope.globals, state.args);
    // An ARG that hid the image's own variable does so no longer
    for (const [key, value] of environmentMap(state.config.Env ?? [])) args.setEnv(key, value);
    return new StageState(name, file, { ...state.planned(), args, showsPlatform });
  }
  const start = startFromOutside(scope, stage, { reference, platform });
  if (start === undefined) return undefined;
  const Env = withPath(start.config.Env ?? [], start.platform);
  const args = new StageArguments(scope.globals, environmentMap(Env));
  return new StageState(name, file, { ...start, config: { ...start.config, Env }, args, showsPlatform });
}

/** From a named context, from nothing, or from an image. */
function startFromOutside(
  scope: PlanScope,
  stage: Stage,
  { reference, platform }: { readonly reference: string; readonly platform: Platform },
): StageStart | undefined {
  const { from } = stage;
  const context = scope.contexts.find(reference);
  if (context?.kind !== 'directory') {
    const at = scope.at(from.image);
    const pinned = from.platform !== undefined;
    return startFromImage(scope, { reference: context?.name ?? reference, platform, at, pinned });
  }
  const { platform: target, showsPlatform = false } = scope.options;
  return startFromFiles(context.name, target, {
    stage: stageName(stage),
    position: 1,
    title: from.text,
    ...(showsPlatform && { platform: formatPlatform(target) }),
    at: { source: scope.file.source, span: from.span },
  });
}

function startFromImage(scope: PlanScope, need: Omit<ImageNeed, 'key'>): StageStart | undefined {
  if (need.reference === 'scratch' && scope.contexts.find('scratch') === undefined) {
    const { platform } = scope.options;
    return { op: { op: 'scratch' }, config: { WorkingDir: '/' }, history: [], platform };
  }
  const { key, config } = scope.image(need);
  if (config === undefined) return undefined;
  return {
    op: { op: 'image', key },
    config: config.config ?? {},
    history: [],
    image: key,
    platform: need.platform,
    author: config.author,
  };
}

function expandFrom(scope: PlanScope, word: Word): string {
  const reference = expandWord(word, scope.globals.lookup, scope.file);
  if (reference !== '') return reference;
  const near = suggest(word.text.replaceAll(/[${}]/g, ''), declaredNames(scope.file));
  throw new SourceError(
    'DOCKERFILE_SYNTAX',
    `FROM needs an image: ${JSON.stringify(word.text)} is empty`,
    scope.at(word),
    {
      hint:
        near === undefined
          ? 'give it a value by ARG before the first FROM, or by --build-arg'
          : `did you mean $${near}?`,
    },
  );
}

function platformOf(scope: PlanScope, { from }: Stage): Platform {
  if (from.platform === undefined) return scope.options.platform;
  const text = expandWord(from.platform, scope.globals.lookup, scope.file);
  if (text === '') throw emptyPlatform(scope, from.platform);
  try {
    return parsePlatform(text);
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    throw new SourceError('PLATFORM_INVALID', error.message, scope.at(from.platform), { hint: error.hint });
  }
}

function emptyPlatform(scope: PlanScope, word: Word): SourceError {
  const [name = ''] = variablesIn(word, scope.file.escape);
  const near = suggest(name, scope.globals.names());
  const message = `FROM --platform is empty: ${quoted(word.text)}`;
  return new SourceError('PLATFORM_INVALID', message, scope.at(word), {
    hint: near === undefined ? 'give it a value by ARG before the first FROM' : `did you mean $${near}?`,
  });
}

import {
  type Dockerfile,
  expandWord,
  type Instruction,
  parseDockerfile,
  type Stage,
  type Unset,
  variablesIn,
  type Word,
} from '../dockerfile/index.ts';
import {
  LapidaryError,
  quoted,
  SourceError,
  type SourceRange,
  suggest,
  throwSourceErrors,
} from '../errors/index.ts';
import { formatPlatform, type ImageConfig, type Platform, parsePlatform } from '../oci/index.ts';
import { declaredNames, GlobalArguments, StageArguments } from './arguments.ts';
import { applyWorkdir } from './filesystem.ts';
import { checkFrontend } from './frontend.ts';
import { applyMetadata } from './metadata.ts';
import type { MountSite } from './mounts.ts';
import { NamedContexts, startFromFiles } from './named-contexts.ts';
import type { Op } from './op.ts';
import { applyRun, type RunSettings } from './run.ts';
import { findNamedStage, findStage, stageName } from './stage-name.ts';
import { environmentMap, type StageStart, StageState, withPath } from './stage-state.ts';
import { applyAdd, applyCopy } from './transfer.ts';
import type { ImageNeed, PlannedStage, PlanOptions, PlanOutcome, PlanWarning } from './types.ts';
import { applyUnset } from './unset.ts';

/** Names an image for one platform within a plan. */
export function imageKey(reference: string, platform: Platform): string {
  return `${reference} ${formatPlatform(platform)}`;
}

/**
 * What a Dockerfile means: the graph of ops behind the target stage, and the configuration of the result. Only
 * stages that the target reaches are looked at. Pure: where the configuration of an image is needed and not in
 * `options.images`, the outcome names all such images; call again when they are known.
 *
 * @throws SourceError for what is wrong in the Dockerfile, LapidaryError TARGET_NOT_FOUND
 */
export function planBuild(file: Dockerfile, options: PlanOptions): PlanOutcome {
  return new Planner(file, options).plan();
}

class Planner {
  readonly #file: Dockerfile;
  readonly #options: PlanOptions;
  readonly #globals: GlobalArguments;
  readonly #contexts: NamedContexts;
  readonly #stages = new Map<number, StageState | undefined>();
  readonly #missing = new Map<string, ImageNeed>();
  readonly #warnings: PlanWarning[] = [];
  readonly #errors: SourceError[] = [];

  readonly #run: RunSettings;

  constructor(file: Dockerfile, options: PlanOptions) {
    checkFrontend(file, options.buildArgs);
    this.#file = file;
    this.#options = options;
    this.#globals = new GlobalArguments(file, options);
    const hostname = this.#globals.given('BUILDKIT_SANDBOX_HOSTNAME');
    this.#run = {
      network: options.network ?? 'host',
      allow: options.allow ?? new Set(),
      ...(hostname ? { hostname } : {}),
    };
    this.#contexts = new NamedContexts(options.contexts);
  }

  plan(): PlanOutcome {
    const target = this.#targetStage();
    const state = this.#stage(target);
    throwSourceErrors(this.#errors);
    if (state === undefined) return { done: false, missing: [...this.#missing.values()] };
    for (const [name, value] of Object.entries(this.#options.labels)) {
      state.config.Labels = { ...state.config.Labels, [name]: value };
    }
    for (const unset of this.#options.unset ?? []) this.#unset(state, unset);
    this.#warnUnusedArguments();
    const reached = [...this.#stages].sort(([a], [b]) => a - b);
    const stages = reached
      .map(([, one]) => one?.planned())
      .filter((one): one is PlannedStage => one !== undefined);
    const skipped = this.#file.stages.filter((one) => !this.#stages.has(one.index)).map(stageName);
    return { done: true, plan: { result: state.planned(), stages, skipped, warnings: this.#warnings } };
  }

  #targetStage(): Stage {
    const { target } = this.#options;
    const { stages } = this.#file;
    const found = target === undefined ? stages.at(-1) : findStage(stages, target);
    if (found) return found;
    const names = stages.map(stageName);
    const near = suggest(target ?? '', names);
    throw new LapidaryError(
      'TARGET_NOT_FOUND',
      `no stage is called ${JSON.stringify(target)} in ${this.#file.source.name}`,
      {
        hint: near === undefined ? `the stages are ${names.join(', ')}` : `did you mean ${near}?`,
      },
    );
  }

  /** The stage after all its instructions; `undefined` when an image it needs is not known yet. */
  #stage(stage: Stage): StageState | undefined {
    if (this.#stages.has(stage.index)) return this.#stages.get(stage.index);
    const state = this.#recover(() => this.#start(stage));
    if (state === undefined) this.#lookAhead(stage);
    const complete =
      state !== undefined &&
      [this.#applyTriggers(state, stage), this.#applyAll(state, stage.instructions, stage)].every(Boolean);
    this.#stages.set(stage.index, complete ? state : undefined);
    return complete ? state : undefined;
  }

  /** Goes on after an error: what is wrong in other instructions is told with it. */
  #recover<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      this.#errors.push(error);
      return undefined;
    }
  }

  #unset(state: StageState, unset: Unset): void {
    if (applyUnset(state, unset)) return;
    const what = `${unset.setting}${unset.name === undefined ? '' : ` ${unset.name}`}`;
    const at = { source: this.#file.source, span: { start: 0, end: 0 } };
    this.#warnings.push({ message: `there is no ${what} to unset`, at });
  }

  /** Where the base is not known yet, the stages that are copied from can still say what they need. */
  #lookAhead(stage: Stage): void {
    for (const name of stage.instructions.flatMap(sourceNames)) {
      const source = findStage(this.#file.stages.slice(0, stage.index), name);
      if (source) this.#stage(source);
    }
  }

  #start(stage: Stage): StageState | undefined {
    const { from } = stage;
    const reference = this.#expandFrom(from.image);
    const platform = this.#platformOf(stage);
    const name = stageName(stage);
    const base = this.#earlierStage(reference, stage.index);
    const context = this.#contexts.find(reference);
    if (base !== undefined && context === undefined) {
      const state = this.#stage(base);
      if (state === undefined) return undefined;
      const args = new StageArguments(this.#globals, state.args);
      // An ARG that hid the image's own variable does so no longer
      for (const [key, value] of environmentMap(state.config.Env ?? [])) args.setEnv(key, value);
      return new StageState(name, this.#file, { ...state.planned(), args });
    }
    const start =
      context?.kind === 'directory'
        ? startFromFiles(context.name, this.#options.platform, {
            stage: name,
            position: 1,
            title: from.text,
            at: { source: this.#file.source, span: from.span },
          })
        : this.#startFromImage(context?.name ?? reference, { platform, at: this.#at(from.image) });
    if (start === undefined) return undefined;
    const Env = withPath(start.config.Env ?? [], start.platform);
    const args = new StageArguments(this.#globals, environmentMap(Env));
    return new StageState(name, this.#file, { ...start, config: { ...start.config, Env }, args });
  }

  #startFromImage(reference: string, where: { platform: Platform; at: SourceRange }): StageStart | undefined {
    const { platform, at } = where;
    if (reference === 'scratch' && this.#contexts.find(reference) === undefined) {
      return {
        op: { op: 'scratch' },
        config: { WorkingDir: '/' },
        history: [],
        platform: this.#options.platform,
      };
    }
    const key = imageKey(reference, platform);
    const config = this.#imageConfig({ key, reference, platform, at });
    if (config === undefined) return undefined;
    const { author } = config;
    return {
      op: { op: 'image', key },
      config: config.config ?? {},
      history: [],
      image: key,
      platform,
      author,
    };
  }

  #imageConfig(need: ImageNeed): ImageConfig | undefined {
    const config = this.#options.images.get(need.key);
    if (config === undefined) this.#missing.set(need.key, need);
    return config;
  }

  #expandFrom(word: Word): string {
    const reference = expandWord(word, this.#globals.lookup, this.#file);
    if (reference !== '') return reference;
    const near = suggest(word.text.replaceAll(/[${}]/g, ''), declaredNames(this.#file));
    throw new SourceError(
      'DOCKERFILE_SYNTAX',
      `FROM needs an image: ${JSON.stringify(word.text)} is empty`,
      this.#at(word),
      {
        hint:
          near === undefined
            ? 'give it a value by ARG before the first FROM, or by --build-arg'
            : `did you mean $${near}?`,
      },
    );
  }

  #platformOf({ from }: Stage): Platform {
    if (from.platform === undefined) return this.#options.platform;
    const text = expandWord(from.platform, this.#globals.lookup, this.#file);
    if (text === '') throw this.#emptyPlatform(from.platform);
    try {
      return parsePlatform(text);
    } catch (error) {
      if (!(error instanceof LapidaryError)) throw error;
      throw new SourceError('PLATFORM_INVALID', error.message, this.#at(from.platform), { hint: error.hint });
    }
  }

  #emptyPlatform(word: Word): SourceError {
    const [name = ''] = variablesIn(word, this.#file.escape);
    const near = suggest(name, this.#globals.names());
    const message = `FROM --platform is empty: ${quoted(word.text)}`;
    return new SourceError('PLATFORM_INVALID', message, this.#at(word), {
      hint: near === undefined ? 'give it a value by ARG before the first FROM' : `did you mean $${near}?`,
    });
  }

  /** A FROM sees the stages above it by name; a number is the name of an image. */
  #earlierStage(reference: string, before: number): Stage | undefined {
    return findNamedStage(this.#file.stages.slice(0, before), reference);
  }

  /** ONBUILD triggers of the base, image or stage, run first. They see the stage, not the Dockerfile they came from. */
  #applyTriggers(state: StageState, stage: Stage): boolean {
    const triggers = state.config.OnBuild ?? [];
    delete state.config.OnBuild;
    const base = state.image?.split(' ')[0] ?? stage.from.image.text;
    return triggers.map((trigger) => this.#applyTrigger(state, { trigger, base, stage })).every(Boolean);
  }

  #applyTrigger(
    state: StageState,
    { trigger, base, stage }: { readonly trigger: string; readonly base: string; readonly stage: Stage },
  ): boolean {
    const source = { name: `ONBUILD of ${base}`, text: `FROM scratch\n${trigger}` };
    const file = this.#recover(() => parseDockerfile(source));
    const [only] = file?.stages ?? [];
    if (file === undefined || only === undefined) return false;
    if (file.stages.length > 1 || only.instructions.length !== 1) {
      const hint = `the base image says ${quoted(trigger)}`;
      const message = 'an ONBUILD trigger has to be one instruction';
      this.#errors.push(new SourceError('DOCKERFILE_SYNTAX', message, this.#at(stage.from.image), { hint }));
      return false;
    }
    let complete = false;
    state.within(file, () => {
      complete = this.#applyAll(state, only.instructions, stage);
    });
    return complete;
  }

  #applyAll(state: StageState, instructions: readonly Instruction[], stage: Stage): boolean {
    return instructions
      .map((instruction) => this.#recover(() => this.#apply(state, instruction, stage.index)))
      .every((done) => done === true);
  }

  #apply(state: StageState, instruction: Instruction, limit: number): boolean {
    switch (instruction.kind) {
      case 'run':
        return applyRun(state, instruction, { settings: this.#run, site: this.#mountSite(state, limit) });
      case 'copy':
        return applyCopy(state, instruction, (word) =>
          this.#copySource(state, { word, name: this.#expandSource(state, word), limit }),
        );
      case 'add':
        applyAdd(state, instruction);
        return true;
      case 'workdir':
        applyWorkdir(state, instruction);
        return true;
      case 'from':
        throw new SourceError('DOCKERFILE_SYNTAX', 'FROM cannot be a trigger', state.at(instruction.span));
      default:
        applyMetadata(state, instruction);
        return true;
    }
  }

  /** What names a stage or an image may use the arguments that FROM may use, besides those of the stage. */
  #expandSource(state: StageState, word: Word): string {
    const lookup = state.lookup();
    return state.expand(word, (name) => lookup(name) ?? this.#globals.lookup(name));
  }

  #mountSite(state: StageState, limit: number): MountSite {
    return {
      source: (word, name) => this.#copySource(state, { word, name, limit }),
      expandFrom: (word) => this.#expandSource(state, word),
      warn: (message, at) => this.#warnings.push({ message, at }),
      cacheNamespace: this.#globals.given('BUILDKIT_CACHE_MOUNT_NS') ?? '',
    };
  }

  /** What `COPY --from=` names: a named context, an earlier stage by name or index, or an image. */
  #copySource(
    state: StageState,
    { word, name, limit }: { word: Word; name: string; limit: number },
  ): Op | undefined {
    const at = state.at(word.span);
    if (name === '') {
      const hint = `${word.text} expands to nothing`;
      throw new SourceError('DOCKERFILE_STAGE', 'from needs a stage or an image', at, { hint });
    }
    const context = this.#contexts.find(name);
    if (context?.kind === 'directory') return { op: 'context', name: context.name };
    if (name === 'scratch' && context === undefined) return { op: 'scratch' };
    const stage = findStage(this.#file.stages, name);
    if (stage !== undefined && context === undefined) {
      if (stage.index < limit) return this.#stage(stage)?.op;
      throw this.#badStageOrder(stage, { name, limit, at });
    }
    if (/^\d+$/.test(name) && context === undefined) {
      const hint = `stages are counted from 0; this file has ${this.#file.stages.length}`;
      throw new SourceError('DOCKERFILE_STAGE', `there is no stage ${name}`, at, { hint });
    }
    const reference = context?.name ?? name;
    const key = imageKey(reference, this.#options.platform);
    const need = { key, reference, platform: this.#options.platform, at };
    return this.#imageConfig(need) === undefined ? undefined : { op: 'image', key };
  }

  #badStageOrder(
    stage: Stage,
    { name, limit, at }: { name: string; limit: number; at: SourceRange },
  ): SourceError {
    if (stage.index === limit) {
      const hint = 'a stage sees its own files without --from';
      return new SourceError('DOCKERFILE_STAGE', `stage ${name} copies from itself`, at, { hint });
    }
    const hint = `move stage ${stageName(stage)} above this one; a cycle between stages cannot be built`;
    return new SourceError('DOCKERFILE_STAGE', `stage ${name} comes later in the file than its use`, at, {
      hint,
    });
  }

  #warnUnusedArguments(): void {
    const declared = declaredNames(this.#file);
    for (const name of Object.keys(this.#options.buildArgs)) {
      if (declared.has(name) || this.#globals.lookup(name) !== undefined || isBuiltIn(this.#globals, name))
        continue;
      const near = suggest(name, declared);
      const at = { source: this.#file.source, span: { start: 0, end: 0 } };
      const hint = near === undefined ? 'no ARG declares it' : `did you mean ${near}?`;
      this.#warnings.push({ message: `the build argument ${name} is not used`, at, hint });
    }
  }

  #at(word: Word): SourceRange {
    return { source: this.#file.source, span: word.span };
  }
}

const isBuiltIn = (globals: GlobalArguments, name: string): boolean =>
  name === 'SOURCE_DATE_EPOCH' ||
  name.startsWith('BUILDKIT_') ||
  globals.predefined().some(([one]) => one === name);

/** What an instruction reads from, as written. */
function sourceNames(instruction: Instruction): string[] {
  if (instruction.kind === 'copy')
    return instruction.flags.from === undefined ? [] : [instruction.flags.from.text];
  if (instruction.kind !== 'run') return [];
  return instruction.mounts.flatMap(({ options }) =>
    options.flatMap(({ key, value }) => (key === 'from' ? (value ?? []) : [])),
  );
}
